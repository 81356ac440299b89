"""An inventory survives the file it is saved to; a bad file is refused at its place."""

import json
from datetime import UTC, datetime
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.core.diagnostic import Severity
from mixvllm.gpu.inventory import (
    FIELDS,
    Driver,
    Gpu,
    GpuClocks,
    GpuInventory,
    GpuLink,
    GpuMemory,
    GpuProcess,
    GpuUtilization,
    MigDevice,
    PcieLink,
    Problem,
    RemappedRows,
    Xid,
)
from mixvllm.gpu.saved import NOT_SAVED, inventory_from_json

T = TypeVar("T")

SIZES = st.integers(0, 2**63)
COUNTS = st.integers(0, 10**6)
DEGREES = st.integers(-20, 120)
WORDS = st.text(min_size=1, max_size=20)
WATTS = st.floats(0, 2000)


def some(values: st.SearchStrategy[T], most: int = 3) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(values, max_size=most).map(tuple)


MEMORY = st.builds(
    GpuMemory, total_bytes=SIZES, used_bytes=SIZES, free_bytes=SIZES, reserved_bytes=SIZES
)
PROCESSES = st.builds(
    GpuProcess,
    pid=st.integers(1, 2**22),
    kinds=st.sampled_from([("compute",), ("graphics",), ("compute", "graphics")]),
    memory_bytes=SIZES,
    name=WORDS,
    user=WORDS,
    command=st.none() | WORDS,
    instance=st.none() | WORDS,
)
MIG_DEVICES = st.builds(
    MigDevice,
    index=st.integers(0, 7),
    uuid=st.none() | WORDS,
    profile=st.none() | WORDS,
    gpu_instance=st.none() | COUNTS,
    compute_instance=st.none() | COUNTS,
    memory=MEMORY | st.just(GpuMemory()),
    processes=st.none() | some(PROCESSES),
)
XIDS = st.builds(Xid, COUNTS, WORDS, st.none() | st.floats(0, 10**9))
FULL_GPUS = st.builds(
    Gpu,
    index=st.integers(0, 15),
    uuid=WORDS,
    name=WORDS,
    pci_bus_id=WORDS,
    compute_capability=st.tuples(st.integers(1, 20), st.integers(0, 10)),
    memory=MEMORY,
    utilization=st.builds(
        GpuUtilization, gpu_percent=st.integers(0, 100), memory_percent=st.integers(0, 100)
    ),
    temperature_celsius=DEGREES,
    memory_temperature_celsius=DEGREES,
    power_watts=WATTS,
    power_limit_watts=WATTS,
    fan_percent=st.integers(0, 130),
    clocks=st.builds(GpuClocks, COUNTS, COUNTS, COUNTS, COUNTS),
    throttle_reasons=some(WORDS),
    pcie=st.builds(PcieLink, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS),
    persistence_mode=st.booleans(),
    compute_mode=WORDS,
    numa_node=COUNTS,
    mig_enabled=st.booleans(),
    mig_devices=some(MIG_DEVICES),
    ecc_enabled=st.booleans(),
    ecc_corrected_errors=COUNTS,
    ecc_uncorrected_errors=COUNTS,
    remapped_rows=st.builds(RemappedRows, COUNTS, COUNTS),
    row_remap_pending=st.booleans(),
    row_remap_failed=st.booleans(),
    retired_pages_pending=st.booleans(),
    recovery_action=WORDS,
    xids=some(XIDS),
    processes=some(PROCESSES),
    unavailable=st.just({}),
)


def lost(index: int, why: str) -> Gpu:
    return Gpu(index, unavailable=dict.fromkeys(FIELDS, why))


LOST_GPUS = st.builds(lost, st.integers(16, 31), WORDS)
INVENTORIES = st.builds(
    GpuInventory,
    taken_at=st.datetimes(timezones=st.just(UTC)),
    driver=st.none() | st.builds(Driver, st.none() | WORDS, st.none() | WORDS),
    gpus=st.lists(FULL_GPUS | LOST_GPUS, max_size=4, unique_by=lambda gpu: gpu.index).map(tuple),
    problems=some(
        st.builds(
            Problem, WORDS, WORDS, WORDS, st.none() | st.integers(0, 31), st.sampled_from(Severity)
        )
    ),
    links=st.none()
    | some(
        st.builds(
            GpuLink,
            first=COUNTS,
            second=COUNTS,
            path=st.none() | WORDS,
            nvlinks=st.none() | COUNTS,
            peer_access=st.none() | st.booleans(),
        )
    ),
)


@given(INVENTORIES)
def test_what_is_saved_is_read_back(inventory: GpuInventory) -> None:
    text = json.dumps(inventory.as_json(), allow_nan=False)
    assert inventory_from_json(json.loads(text)) == inventory


def document(**card: object) -> dict[str, object]:
    return {
        "format_version": 1,
        "taken_at": "2026-11-22T09:12:44Z",
        "gpus": [{"index": 0, **card}],
    }


def test_a_short_file_written_by_hand() -> None:
    card = document(name="A card", memory={"total_bytes": 24 * 2**30}, colour="green")
    inventory = inventory_from_json(card)
    assert inventory.taken_at == datetime(2026, 11, 22, 9, 12, 44, tzinfo=UTC)
    (gpu,) = inventory.gpus
    assert gpu.memory == GpuMemory(total_bytes=24 * 2**30)
    assert gpu.compute_capability is None
    assert gpu.unavailable["compute_capability"] == NOT_SAVED
    assert gpu.unavailable["memory.used_bytes"] == NOT_SAVED
    assert "memory.total_bytes" not in gpu.unavailable


def test_a_file_of_before_has_warnings() -> None:
    problem = {"code": "card-lost", "message": "card 0 no longer answers", "hint": "", "gpu": 0}
    (read,) = inventory_from_json(document() | {"problems": [problem]}).problems
    assert read == Problem("card-lost", "card 0 no longer answers", "", 0, Severity.WARNING)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ([], "not an object: []"),
        ({}, "format_version: missing"),
        (document() | {"format_version": 2}, "format_version: 2 is not known here"),
        (document() | {"taken_at": "noon"}, "taken_at: not a time such as"),
        (document() | {"taken_at": "2026-11-22T09:12:44"}, "taken_at: a time without its zone"),
        (document() | {"gpus": None}, "gpus: missing"),
        (document() | {"gpus": {}}, "gpus: not a list: {}"),
        (document() | {"gpus": [{"index": 0}] * 2}, "gpus[1].index: card 0 is there twice"),
        (document() | {"gpus": [{"name": "A card"}]}, "gpus[0].index: missing"),
        (document() | {"problems": [{"code": "x"}]}, "problems[0].message: missing"),
        (document(index=True), "gpus[0].index: not a whole number: True"),
        (document(index=-1), "gpus[0].index: below 0: -1"),
        (document(name=7), "gpus[0].name: not a text: 7"),
        (document(memory=80), "gpus[0].memory: not an object: 80"),
        (document(memory={"total_bytes": "80 GiB"}), "gpus[0].memory.total_bytes: not a whole"),
        (document(power_watts="hot"), "gpus[0].power_watts: not a number: 'hot'"),
        (document(power_watts=float("nan")), "gpus[0].power_watts: not a finite number: nan"),
        (document(mig_enabled=1), "gpus[0].mig_enabled: neither true nor false: 1"),
        (document(compute_capability="9"), "gpus[0].compute_capability: not a compute capability"),
        (document(compute_capability=9.0), "gpus[0].compute_capability: not a text: 9.0"),
        (document(processes=[{"pid": 1}]), "gpus[0].processes[0].kinds: missing"),
        (document(processes=[{"kinds": []}]), "gpus[0].processes[0].pid: missing"),
        (document(mig_devices=[{"uuid": "MIG-1"}]), "gpus[0].mig_devices[0].index: missing"),
        (document(xids=[{"code": "79"}]), "gpus[0].xids[0].code: not a whole number: '79'"),
        (
            document() | {"problems": [{"code": "x", "message": "y", "severity": "fatal"}]},
            "problems[0].severity: not one of error, warning, info: 'fatal'",
        ),
        (document() | {"links": [{"first": 0}]}, "links[0].second: missing"),
        (document(unavailable="all"), "gpus[0].unavailable: not an object: 'all'"),
    ],
)
def test_a_bad_file_is_refused_at_its_place(wrong: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=r".") as refusal:
        inventory_from_json(wrong)
    assert str(refusal.value).startswith(sentence)
