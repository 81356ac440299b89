"""Rules about the cards that an engine would get, or names."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mixvllm.core.diagnostic import Severity
from mixvllm.gpu.placement import Wish
from mixvllm.gpu.saved import parse_inventory
from mixvllm.rules import mx430_no_place, mx433_busy_card
from mixvllm.rules.base import Facts
from mixvllm.rules.wanted import wish
from tests.rules.checking import checked
from tests.rules.test_cards import UUIDS, box, codes, on

GIB = 2**30
FULL = {"memory": {"total_bytes": 80 * GIB, "free_bytes": 79 * GIB}}
HALF = {"memory": {"total_bytes": 80 * GIB, "free_bytes": 40 * GIB}}
PAIR = "inference: {tensor_parallel_size: 2}\n"


def ill(index: int, code: str = "row-remap-pending") -> Mapping[str, object]:
    return {"code": code, "message": f"card {index}: {code}", "hint": "mend it", "gpu": index}


@pytest.mark.parametrize(
    ("cards", "problems", "text", "expected"),
    [
        # enough of them
        ((FULL, FULL), (), PAIR, []),
        ((FULL, {}), (ill(1),), "", []),
        (({}, {}), (ill(1, "ecc-errors"),), PAIR, []),
        # ill, in use, of several models
        (({}, {}), (ill(1),), PAIR, ["MX430 2:35"]),
        ((HALF,), (), "", ["MX430 1:8"]),
        ((HALF,), (), "inference: {gpu_memory_utilization: 0.9}\n", ["MX430 2:37"]),
        ((HALF,), (), "inference: {gpu_memory_utilization: 0.5}\n", []),
        ((HALF,), (), "inference: {gpu_memory_utilization: 0.5}\ngpus: {min_free_memory: 41GiB}\n",
         ["MX430 3:25"]),
        (({"name": "A"}, {"name": "B"}), (), PAIR, ["MX430 2:35"]),
        # a fault has one finding
        (({},), (), PAIR, ["MX402 2:35"]),
        ((FULL,), (), "gpus: {min_free_memory: 90GiB}\n", ["MX404 2:25"]),
        ((HALF,), (), "gpus: {select: [0]}\n", ["MX433 2:17"]),
        # what has no cards of this machine alone to choose from
        ((HALF,), (), "vllm: {args: {distributed-executor-backend: ray}}\n", []),
        ((HALF,), (), "vllm: {args: {device-ids: [0]}}\n", []),
        ((HALF,), (), "vllm: {args: {load-format: ipc_cache}}\n", []),
        ((), (), "", []),
        # data parallelism takes cards, too
        ((FULL, FULL, FULL), (), "inference: {data_parallel_size: 2, tensor_parallel_size: 2}\n",
         []),
        ((FULL, FULL, HALF, HALF), (),
         "inference: {data_parallel_size: 2, tensor_parallel_size: 2}\n", ["MX430 2:58"]),
        # the profile's variable is a choice that was made
        ((FULL, HALF), (), "vllm: {env: {CUDA_VISIBLE_DEVICES: '1'}}\n", ["MX433 2:36"]),
        ((FULL, HALF), (), "vllm: {env: {CUDA_VISIBLE_DEVICES: '0,1'}}\n", []),
    ],
)  # fmt: skip
def test_where_an_engine_has_its_place(
    tmp_path: Path,
    cards: tuple[Mapping[str, object], ...],
    problems: tuple[object, ...],
    text: str,
    expected: list[str],
) -> None:
    assert codes(on(box(tmp_path, *cards, problems=problems), text)) == expected


def test_why_there_is_no_place_is_told_of_each_card(tmp_path: Path) -> None:
    (told,) = on(box(tmp_path, FULL, HALF, {}, problems=(ill(2),)), PAIR)
    assert told.message == "box.json: 2 cards are needed, 1 can be used"
    assert told.hint == ("card 1: 40.0 GiB free, 73.6 GiB are needed; card 2: row-remap-pending")
    assert told.severity is Severity.WARNING  # card 1 is only in use
    (told,) = on(box(tmp_path, FULL, {}, problems=(ill(1),)), PAIR)
    assert told.severity is Severity.ERROR


def seen(folder: Path, text: str, used: Mapping[str, str]) -> Facts:
    """The facts of this machine with two cards, of which some are leased."""
    host = box(folder, {"uuid": UUIDS[0], **FULL}, {"uuid": UUIDS[1], **FULL})
    facts = checked(f"model: m\n{text}").facts
    return replace(facts, inventory=parse_inventory(host.read_bytes()), leased=used)


def test_what_other_runs_have(tmp_path: Path) -> None:
    used = {UUIDS[0]: "used by llama-8b (pid 14256 of anna)"}
    assert list(mx430_no_place.check(seen(tmp_path, "", used))) == []
    (told,) = mx430_no_place.check(seen(tmp_path, PAIR, used))
    assert (told.severity, told.hint) == (
        Severity.WARNING, "card 0: used by llama-8b (pid 14256 of anna)"
    )  # fmt: skip
    (told,) = mx433_busy_card.check(seen(tmp_path, "gpus: {select: [1, 0]}\n" + PAIR, used))
    assert told.message == "this machine: card 0: used by llama-8b (pid 14256 of anna)"
    assert list(mx433_busy_card.check(seen(tmp_path, "gpus: {select: [1, 0]}\n", used))) == []


SLICED = {
    "mig_enabled": True,
    "mig_devices": [{"index": 0, "uuid": "MIG-aaaa"}, {"index": 1, "uuid": "MIG-bbbb"}],
}


@pytest.mark.parametrize(
    ("card", "text", "expected"),
    [
        (SLICED, "gpus: {select: [0]}\n", ["MX434 2:17"]),
        (SLICED, "gpus: {select: [MIG-bbbb]}\n", []),
        (SLICED, "vllm: {env: {CUDA_VISIBLE_DEVICES: '0'}}\n", ["MX434 2:36"]),
        (SLICED, "", []),
        ({"mig_enabled": True, "mig_devices": []}, "gpus: {select: [0]}\n", ["MX434 2:17"]),
        ({"mig_enabled": True}, "gpus: {select: [0]}\n", ["MX434 2:17"]),
        ({"mig_enabled": False}, "gpus: {select: [0]}\n", []),
    ],
)
def test_a_card_with_slices(
    tmp_path: Path, card: Mapping[str, object], text: str, expected: list[str]
) -> None:
    assert codes(on(box(tmp_path, card), text)) == expected


NODES = tuple({"numa_node": node} for node in (0, 0, 1, 1))


@pytest.mark.parametrize(
    ("select", "problems", "expected"),
    [
        ("[0, 2]", (), ["MX432 3:17"]),
        ("[2, 3]", (), []),
        ("[0, 2]", (ill(1), ill(3)), []),  # none is left that would be nearer
        ("[0, 2]", (ill(1),), ["MX432 3:17"]),
        ("auto", (), []),
    ],
)
def test_cards_that_are_far_from_each_other(
    tmp_path: Path, select: str, problems: tuple[object, ...], expected: list[str]
) -> None:
    host = box(tmp_path, *NODES, problems=problems)
    assert codes(on(host, f"{PAIR}gpus: {{select: {select}}}\n")) == expected


def test_the_way_is_of_no_matter_to_a_pipeline(tmp_path: Path) -> None:
    text = "inference: {pipeline_parallel_size: 2}\ngpus: {select: [0, 2]}\n"
    assert on(box(tmp_path, *NODES), text) == ()


def test_models_are_compared_where_they_are_known(tmp_path: Path) -> None:
    host = box(tmp_path, {"name": "A"}, {}, {"name": "B"})
    assert on(host, f"{PAIR}gpus: {{select: [0, 1]}}\n") == ()
    assert codes(on(host, f"{PAIR}gpus: {{select: [0, 2]}}\n")) == ["MX431 3:20"]
    assert on(host, "gpus: {select: [0, 2]}\n") == ()  # the second is not used


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ("", Wish(1, 1, 0.92)),
        ("tensor-parallel-size: 4, pipeline-parallel-size: 2", Wish(8, 4, 0.92)),
        ("tensor-parallel-size: 2, data-parallel-size: 3", Wish(6, 2, 0.92)),
        ("data-parallel-size: 8, data-parallel-size-local: 2", Wish(2, 1, 0.92)),
        ("data-parallel-size: 8, data-parallel-rank: 3", Wish(1, 1, 0.92)),
        ("gpu-memory-utilization: 0.5", Wish(1, 1, 0.5)),
        ("nnodes: 2", None),
        ("data-parallel-backend: ray", None),
    ],
)
def test_what_an_engine_asks_for(args: str, expected: Wish | None) -> None:
    assert wish(checked(f"model: m\nvllm: {{args: {{{args}}}}}\n").facts) == expected
