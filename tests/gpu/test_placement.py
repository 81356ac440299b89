"""The choice of cards: from inventories made here, without a driver."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.gpu.device import Device, devices, named
from mixvllm.gpu.health import UNFIT
from mixvllm.gpu.inventory import (
    Gpu,
    GpuInventory,
    GpuLink,
    GpuMemory,
    GpuProcess,
    MigDevice,
    Problem,
)
from mixvllm.gpu.placement import NoPlace, Placed, Wish, choose, unfit, why_not

GIB = 2**30
H100 = "NVIDIA H100 80GB HBM3"
VLLM = Wish(share=0.92)


def card(index: int, *, free: float | None = 79.0, name: str = H100, numa: int = 0) -> Gpu:
    """A card of 80 GiB, of which the driver has one."""
    room = None if free is None else round(free * GIB)
    memory = GpuMemory(80 * GIB, None if room is None else 79 * GIB - room, room, GIB)
    return Gpu(index, f"GPU-{index}", name, compute_capability=(9, 0), memory=memory,
               numa_node=numa, mig_enabled=False)  # fmt: skip


def box(*gpus: Gpu, problems: tuple[Problem, ...] = (), nvlinks: str = "") -> GpuInventory:
    """A machine; ``nvlinks`` names pairs: ``"01 23"``."""
    links = tuple(GpuLink(int(pair[0]), int(pair[1]), "NODE", 18) for pair in nvlinks.split())
    return GpuInventory(None, None, gpus, problems, links)


def chosen(inventory: GpuInventory, wish: Wish = VLLM, **taken: str) -> list[str]:
    """The labels of the chosen ones; ``g0="used by x"`` for what is taken."""
    found = choose(inventory, wish, taken={f"GPU-{key[1:]}": why for key, why in taken.items()})
    return [device.label for device in found.devices] if isinstance(found, Placed) else []


def refusal(inventory: GpuInventory, wish: Wish = VLLM) -> NoPlace:
    found = choose(inventory, wish, taken={})
    assert isinstance(found, NoPlace)
    return found


def sick(code: str, index: int) -> Problem:
    return Problem(code, f"card {index}: it is {code}", "mend it", index)


@pytest.mark.parametrize(
    ("inventory", "wish", "expected"),
    [
        # one card: the most memory, in whole GiB; then the lowest index
        (box(card(0), card(1)), VLLM, ["0"]),
        (box(card(0, free=78.9), card(1, free=78.1)), VLLM, ["0"]),
        (box(card(0, free=76.0), card(1, free=79.0)), VLLM, ["1"]),
        (box(card(0, free=40.0), card(1, free=73.0)), VLLM, ["1"]),
        (box(card(0, free=None), card(1)), VLLM, ["1"]),
        (box(card(0, free=None)), VLLM, ["0"]),  # what is not known is not held against it
        # vLLM asks for 0.92 of 79 GiB: 72.68
        (box(card(0, free=72.6)), VLLM, []),
        (box(card(0, free=72.7)), VLLM, ["0"]),
        (box(card(0, free=40.0)), Wish(share=0.5), ["0"]),
        (box(card(0, free=40.0)), Wish(share=0.5, free_bytes=41 * GIB), []),
        (box(card(0, free=40.0)), Wish(), ["0"]),
        # several: NVLink, then what is nearest, then memory
        (box(card(0), card(1), card(2), card(3), nvlinks="02 13"), Wish(2, 2), ["0", "2"]),
        (box(card(0), card(1, numa=1), card(2)), Wish(2, 2), ["0", "2"]),
        (box(*(card(i, free=79 - 2 * (i < 2)) for i in range(4)), nvlinks="01 23"), Wish(2, 2),
         ["2", "3"]),
        (box(card(0, free=75.0), card(1, free=75.0), card(2), card(3, numa=1), nvlinks="01"),
         Wish(2, 2), ["0", "1"]),
        # of one model only
        (box(card(0), card(1, name="NVIDIA L4")), Wish(2, 2), []),
        (box(card(0, name="NVIDIA L4"), card(1), card(2)), Wish(2, 2), ["1", "2"]),
        # pairs that are near each other become the ranks of one tensor-parallel group
        (box(*(card(i) for i in range(4)), nvlinks="02 13"), Wish(4, 2), ["0", "2", "1", "3"]),
        (box(*(card(i) for i in range(4))), Wish(4, 4), ["0", "1", "2", "3"]),
        (box(card(0), card(1)), Wish(3, 1), []),
        (box(), VLLM, []),
    ],
)  # fmt: skip
def test_what_is_chosen(inventory: GpuInventory, wish: Wish, expected: list[str]) -> None:
    assert chosen(inventory, wish) == expected


@pytest.mark.parametrize("code", sorted(UNFIT))
def test_a_sick_card_is_never_chosen(code: str) -> None:
    inventory = box(card(0), card(1, free=73.0), problems=(sick(code, 0),))
    assert chosen(inventory) == ["1"]
    found = refusal(inventory, Wish(2))
    assert list(why_not(found.refused)) == [f"card 0: it is {code}"]
    assert found.words == "2 cards are needed, 1 can be used"
    assert not found.passing


def test_past_errors_do_not_forbid_a_card() -> None:
    assert chosen(box(card(0), problems=(sick("ecc-errors", 0),))) == ["0"]


def test_a_card_that_somebody_uses() -> None:
    inventory = box(card(0), card(1), card(2), card(3), nvlinks="01 23")
    used = "used by llama-8b (pid 14256)"
    found = choose(inventory, Wish(2, 2, 0.92), taken={"GPU-0": used, "GPU-1": used})
    assert isinstance(found, Placed)
    assert found.words == (
        "cards 2 and 3: NVLink between them, 79.0 GiB free each (cards 0 and 1: " + used + ")"
    )
    assert chosen(inventory, Wish(3), g0="used by a", g1="used by b") == []


def test_a_stranger_s_process_takes_memory_and_nothing_else() -> None:
    stranger = GpuProcess(99, ("compute",), 5 * GIB, "python3", "bob")
    busy = replace(card(0, free=74.0), processes=(stranger,))
    assert chosen(box(busy)) == ["0"]
    full = replace(card(0, free=20.0), processes=(stranger,))
    assert list(why_not(refusal(box(full)).refused)) == [
        "card 0: 20.0 GiB free, 72.7 GiB are needed; python3 (pid 99) of bob has 5.0 GiB"
    ]
    assert refusal(box(full)).passing


def part(index: int, gib: int) -> MigDevice:
    return MigDevice(index, f"MIG-{index}", memory=GpuMemory(gib * GIB, 0, gib * GIB, 0))


SPLIT = replace(card(0), mig_enabled=True, mig_devices=(part(0, 10), part(1, 40)))


def test_a_slice_is_a_device_and_its_card_is_none() -> None:
    found = choose(box(SPLIT), VLLM, taken={})
    assert isinstance(found, Placed)
    assert found.words == "slice 1 of card 0: 40.0 GiB free"
    assert [device.uuid for device in devices(box(SPLIT))] == ["MIG-0", "MIG-1"]
    parent = unfit(Device(SPLIT), box(SPLIT), VLLM, {})
    assert parent is not None
    assert (parent.why, parent.hint) == ("split into slices (MIG)", "name a slice: MIG-0")
    assert chosen(box(SPLIT), Wish(2, 2)) == []  # ranks cannot meet across slices
    empty = replace(card(0), mig_enabled=True, mig_devices=())
    assert "-cgi" in refusal(box(empty)).refused[0].hint


def test_among_some_cards_only() -> None:
    inventory = box(*(card(i) for i in range(4)))
    some = [Device(inventory.gpus[3]), Device(inventory.gpus[2])]
    found = choose(inventory, VLLM, taken={}, among=some)
    assert isinstance(found, Placed)
    assert found.words == "card 2: 79.0 GiB free"
    assert isinstance(choose(inventory, Wish(3), taken={}, among=some), NoPlace)


@pytest.mark.parametrize(
    ("wish", "inventory", "words"),
    [
        (Wish(), box(), "no card can be used"),
        (Wish(2), box(), "2 cards are needed, none can be used"),
        (Wish(2), box(card(0), card(1, name="L4")), "no 2 cards of one model can be used"),
        (Wish(2), box(SPLIT), "2 cards are needed, and slices (MIG) work alone"),
    ],
)
def test_what_is_missing(wish: Wish, inventory: GpuInventory, words: str) -> None:
    assert refusal(inventory, wish).words == words


def test_which_card_is_of_which_model() -> None:
    found = refusal(box(card(0), card(1, name="NVIDIA L4")), Wish(2))
    assert found.reasons == (f"card 0: {H100}", "card 1: NVIDIA L4")
    assert found.advice == "name cards in gpus.select to mix models"


@pytest.mark.parametrize(
    ("numbers", "words"),
    [((0,), "card 0"), ((2, 3), "cards 2 and 3"), ((3, 0, 1, 2), "cards 0-3"),
     ((0, 2, 5), "cards 0, 2 and 5")],
)  # fmt: skip
def test_cards_by_name(numbers: tuple[int, ...], words: str) -> None:
    assert named([Device(Gpu(number)) for number in numbers]) == words


# what holds for every machine


@st.composite
def machines(draw: st.DrawFn) -> GpuInventory:
    count = draw(st.integers(0, 7))
    gpus = []
    for index in range(count):
        gpu = card(
            index,
            free=draw(st.sampled_from([None, 1.0, 40.0, 72.9, 75.0, 79.0])),
            name=draw(st.sampled_from([H100, H100, "NVIDIA L4"])),
            numa=draw(st.integers(0, 1)),
        )
        parts = draw(st.sampled_from([None, None, None, (), (part(0, 10), part(1, 70))]))
        gpus.append(replace(gpu, mig_enabled=parts is not None, mig_devices=parts))
    codes = st.sampled_from([*sorted(UNFIT), "ecc-errors"])
    ill = draw(st.lists(st.tuples(codes, st.integers(0, 7)), max_size=3))
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    links = [
        GpuLink(a, b, draw(st.sampled_from(["PIX", "NODE", "SYS", None])),
                draw(st.sampled_from([None, 0, 4, 18])))
        for a, b in pairs
    ]  # fmt: skip
    problems = tuple(sick(code, index) for code, index in ill if index < count)
    return GpuInventory(None, None, tuple(gpus), problems, tuple(links))


WISHES = st.builds(
    Wish,
    cards=st.integers(1, 4),
    tensor=st.integers(1, 4),
    share=st.sampled_from([None, 0.3, 0.92]),
    free_bytes=st.sampled_from([None, 30 * GIB]),
)
TAKEN = st.dictionaries(
    st.sampled_from([f"GPU-{i}" for i in range(7)] + ["MIG-0"]), st.just("used by llama"),
    max_size=3,
)  # fmt: skip


def labels(some: Sequence[Device]) -> list[str]:
    return [device.label for device in some]


@given(machines(), WISHES, TAKEN)
def test_no_unfit_card_is_ever_chosen(
    inventory: GpuInventory, wish: Wish, taken: dict[str, str]
) -> None:
    found = choose(inventory, wish, taken=taken)
    everything = devices(inventory)
    fit = [d for d in everything if unfit(d, inventory, wish, taken) is None]
    told = [one.device.label for one in found.refused]
    assert sorted(told + labels(fit)) == sorted(labels(everything))
    if isinstance(found, NoPlace):
        alike = [d.gpu.name for d in fit if wish.cards == 1 or d.part is None]
        assert max(map(alike.count, alike), default=0) < wish.cards
        assert found.words
        return
    assert len(set(labels(found.devices))) == len(found.devices) == wish.cards
    assert set(labels(found.devices)) <= set(labels(fit))
    assert len({device.gpu.name for device in found.devices}) == 1
    assert named(found.devices) in found.words
    for device in found.devices:
        claim, free = wish.claim(device), device.memory.free_bytes
        assert claim is None or free is None or free >= claim


@given(machines(), WISHES, TAKEN, st.randoms())
def test_the_order_of_the_inventory_does_not_matter(
    inventory: GpuInventory, wish: Wish, taken: dict[str, str], random: Random
) -> None:
    gpus, links = list(inventory.gpus), list(inventory.links or ())
    random.shuffle(gpus)
    random.shuffle(links)
    shuffled = replace(inventory, gpus=tuple(gpus), links=tuple(links))
    first, second = (choose(each, wish, taken=taken) for each in (inventory, shuffled))
    assert first == second
