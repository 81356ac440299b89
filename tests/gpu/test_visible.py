"""CUDA_VISIBLE_DEVICES as CUDA reads it."""

import pytest

from mixvllm.gpu.device_names import entries_of, names_a_device, taken
from mixvllm.gpu.inventory import Gpu, GpuInventory, MigDevice
from mixvllm.gpu.visible import Visible, visible_cards

SLICES = (
    MigDevice(0, "MIG-aaaa-1", "1g.10gb", gpu_instance=7, compute_instance=0),
    MigDevice(1, "MIG-aabb-2", "3g.40gb", gpu_instance=1, compute_instance=0),
)
CARDS = (
    Gpu(0, "GPU-1111-2", "NVIDIA H100"),
    Gpu(1, "GPU-1122-3", "NVIDIA H100"),
    Gpu(2, "GPU-3333-4", "NVIDIA H100", mig_enabled=True, mig_devices=SLICES),
    Gpu(3, "GPU-4444-5", "NVIDIA H100", mig_enabled=True, mig_devices=()),
)


def read(text: str, *gpus: Gpu, order: str | None = None) -> Visible:
    environ = {"CUDA_VISIBLE_DEVICES": text} | (
        {} if order is None else {"CUDA_DEVICE_ORDER": order}
    )
    found = visible_cards(GpuInventory(None, None, gpus or CARDS, ()), environ)
    assert found is not None
    return found


def seen(text: str, *gpus: Gpu, order: str | None = None) -> list[tuple[int | None, int | None]]:
    """The card and the slice of each device, by CUDA's numbers."""
    devices = [e for e in read(text, *gpus, order=order).entries if e.device is not None]
    assert [e.device for e in devices] == list(range(len(devices)))
    return [(e.gpu, e.mig_device) for e in devices]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", [(0, None)]),
        ("1,0", [(1, None), (0, None)]),
        (" 1 , 0 ", [(1, None), (0, None)]),
        ("GPU-1122", [(1, None)]),
        ("gpu-1122", []),
        ("GPU-1122-3,GPU-1111", [(1, None), (0, None)]),
        ("GPU-11", []),
        ("GPU-9", []),
        ("0,GPU-9,1", [(0, None)]),
        ("0,4,1", [(0, None)]),
        ("0,-1,1", [(0, None)]),
        ("0,,1", [(0, None)]),
        ("-1", []),
        ("", []),
        ("   ", []),
        ("all", []),
        ("0,0", []),
        ("1,0,1", []),
        ("0,GPU-1111", []),
        ("0,x,0", [(0, None)]),
        ("MIG-aabb", [(2, 1)]),
        ("MIG-GPU-3333-4/7/0", [(2, 0)]),
        ("MIG-GPU-3333-4/9/0", []),
        ("MIG-aa", []),
        ("MIG-aaaa,MIG-aabb", [(2, 0)]),
        ("2", [(2, 0)]),
        ("GPU-3333", [(2, 0)]),
        ("2,MIG-aaaa", []),
        ("3", []),
        ("GPU-4444", []),
        ("0,2", [(0, None), (2, 0)]),
    ],
)
def test_what_cuda_sees(text: str, expected: list[tuple[int | None, int | None]]) -> None:
    assert seen(text) == expected


@pytest.mark.parametrize(
    ("text", "entry", "reason"),
    [
        ("4", 0, "there is no card 4: CUDA counts 4 from 0"),
        ("x,0", 0, "`x` is neither an index nor a UUID"),
        ("x,0", 1, "stands behind one that names no device"),
        ("0,", 1, "an empty entry is neither an index nor a UUID"),
        ("GPU-11", 0, "the UUIDs of cards 0, 1 begin so: write more of it"),
        ("GPU-9", 0, "no card has this UUID"),
        ("0,0", 0, "a device is named twice: CUDA takes the whole list for an empty one"),
        ("MIG-9", 0, "no MIG device has this UUID"),
        ("MIG-aa", 0, "several MIG devices begin so"),
        ("MIG-aaaa,MIG-aabb", 1, "a program sees one MIG device, the first of the list"),
        ("3", 0, "card 3 is in MIG mode without a slice"),
    ],
)
def test_why_an_entry_is_refused(text: str, entry: int, reason: str) -> None:
    refused = read(text).entries[entry]
    assert refused.device is None
    assert refused.reason == reason


def test_a_card_without_a_uuid_may_be_the_one() -> None:
    told = read("GPU-9", Gpu(0, "GPU-1"), Gpu(1)).entries[0].reason
    assert told == "no card has this UUID; card 1 does not tell its own"


def test_of_several_models_an_index_names_a_card_only_by_the_bus() -> None:
    mixed = (Gpu(0, "GPU-1", "NVIDIA L4"), Gpu(1, "GPU-2", "NVIDIA H100"))
    assert seen("1,0", *mixed, order="PCI_BUS_ID") == [(1, None), (0, None)]
    assert seen("GPU-2", *mixed) == [(1, None)]
    assert seen("1", *mixed, order="FASTEST_FIRST") == [(None, None)]
    assert seen("1,1", *mixed) == []
    (entry,) = read("1", *mixed).entries
    assert entry.device == 0
    assert entry.reason is not None
    assert "CUDA_DEVICE_ORDER=PCI_BUS_ID" in entry.reason
    unnamed = (Gpu(0, name="NVIDIA L4"), Gpu(1))  # one that was not asked is no other model
    assert seen("1", *unnamed) == [(1, None)]


def test_a_variable_that_is_not_set_is_nothing() -> None:
    assert visible_cards(GpuInventory(None, None, CARDS, ()), {}) is None


def test_the_number_of_a_card_and_of_a_slice() -> None:
    found = read("1,MIG-aabb")
    assert (found.device_of(1), found.device_of(0)) == (0, None)
    assert (found.device_of(2, 1), found.device_of(2), found.device_of(2, 0)) == (1, None, None)


def test_the_document() -> None:
    assert read("1,9", order="PCI_BUS_ID").as_json() == {
        "cuda_visible_devices": "1,9",
        "cuda_device_order": "PCI_BUS_ID",
        "entries": [
            {"text": "1", "device": 0, "gpu": 1, "mig_device": None, "reason": None},
            {
                "text": "9",
                "device": None,
                "gpu": None,
                "mig_device": None,
                "reason": "there is no card 9: CUDA counts 4 from 0",
            },
        ],
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ()), ("0, 1", ("0", "1")), ("0,x,1", ("0",)), ("1,1", ()), ("-1", ()),
     ("GPU-ab,gpu-cd", ("GPU-ab",)), ("GPU-AB,GPU-ab", ())],
)  # fmt: skip
def test_the_list_as_it_is_written(text: str, expected: tuple[str, ...]) -> None:
    assert taken(text) == expected


def test_the_form_of_a_name() -> None:
    assert all(map(names_a_device, ["0", "12", "GPU-5f", "MIG-5f", "MIG-GPU-5f/1/0"]))
    assert not any(map(names_a_device, ["", "-1", "GPU-", "GPU-x", "٣", "0x1", "gpu-5f"]))
    assert entries_of(" ") == ()
    assert entries_of("0,") == ("0", "")
