"""An inventory that was saved to a file and is read again, perhaps on another machine.

The file is what `mixvllm gpus --format json` prints, or a shorter one written by hand:
of a card only ``index`` is needed.

The file comes from elsewhere and may hold anything: every refusal is one sentence.
"""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final, TypeVar

from mixvllm.core.diagnostic import Severity
from mixvllm.gpu.document import Node
from mixvllm.gpu.inventory import (
    CUDA_TOTAL,
    FIELDS,
    FORMAT_VERSION,
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

T = TypeVar("T")

NOT_SAVED: Final = "not in the saved inventory"
LARGEST: Final = 4 * 2**20  # bytes of a file: hundreds of cards with all their processes


def _capability(node: Node) -> tuple[int, int] | None:
    text = node.text()
    if text is None:
        return None
    major, dot, minor = text.partition(".")
    if not (dot and major.isdecimal() and minor.isdecimal()):
        node.refuse(f"not a compute capability such as '9.0': {text!r}")
    return int(major), int(minor)


def _tuple(node: Node, read: Callable[[Node], T]) -> tuple[T, ...] | None:
    """The elements of an array, or None for null."""
    return None if node.value is None else tuple(read(item) for item in node.items())


def _word(node: Node) -> str:
    return node.required().text() or ""


def _number(node: Node) -> int:
    return node.required().whole() or 0


def _memory(node: Node) -> GpuMemory:
    return GpuMemory(
        total_bytes=node.at("total_bytes").whole(),
        used_bytes=node.at("used_bytes").whole(),
        free_bytes=node.at("free_bytes").whole(),
        reserved_bytes=node.at("reserved_bytes").whole(),
    )


def _process(node: Node) -> GpuProcess:
    return GpuProcess(
        pid=_number(node.at("pid")),
        kinds=_tuple(node.at("kinds").required(), _word) or (),
        memory_bytes=node.at("memory_bytes").whole(),
        name=node.at("name").text(),
        user=node.at("user").text(),
        command=node.at("command").text(),
        instance=node.at("instance").text(),
    )


def _mig_device(node: Node) -> MigDevice:
    return MigDevice(
        index=_number(node.at("index")),
        uuid=node.at("uuid").text(),
        profile=node.at("profile").text(),
        gpu_instance=node.at("gpu_instance").whole(),
        compute_instance=node.at("compute_instance").whole(),
        memory=_memory(node.at("memory")),
        processes=_tuple(node.at("processes"), _process),
        leased_by=node.at("leased_by").text(),
    )


def _clocks(node: Node) -> GpuClocks:
    return GpuClocks(
        sm_mhz=node.at("sm_mhz").whole(),
        memory_mhz=node.at("memory_mhz").whole(),
        max_sm_mhz=node.at("max_sm_mhz").whole(),
        max_memory_mhz=node.at("max_memory_mhz").whole(),
    )


def _pcie(node: Node) -> PcieLink:
    return PcieLink(
        generation=node.at("generation").whole(),
        max_generation=node.at("max_generation").whole(),
        width=node.at("width").whole(),
        max_width=node.at("max_width").whole(),
        replays=node.at("replays").whole(),
    )


def _xid(node: Node) -> Xid:
    return Xid(
        code=_number(node.at("code")),
        message=node.at("message").text() or "",
        seconds_ago=node.at("seconds_ago").number(),
    )


def _reasons(node: Node) -> Iterator[tuple[str, str]]:
    """A reason for every figure that is not there, and for no other."""
    given = {name: reason.text() for name, reason in node.at("unavailable").members()}
    for name in FIELDS:
        place = node
        for part in name.split("."):
            place = place.at(part)
        if place.value is None:
            yield name, given.get(name) or NOT_SAVED
    for name, reason in given.items():
        if name not in (*FIELDS, CUDA_TOTAL) and reason is not None:  # e.g. processes.name
            yield name, reason


def gpu_from_json(node: Node) -> Gpu:
    """One element of ``gpus``. Raises ValueError, naming the place."""
    load, rows = node.at("utilization"), node.at("remapped_rows")
    return Gpu(
        index=_number(node.at("index")),
        uuid=node.at("uuid").text(),
        name=node.at("name").text(),
        pci_bus_id=node.at("pci_bus_id").text(),
        compute_capability=_capability(node.at("compute_capability")),
        memory=_memory(node.at("memory")),
        utilization=GpuUtilization(
            gpu_percent=load.at("gpu_percent").whole(),
            memory_percent=load.at("memory_percent").whole(),
        ),
        temperature_celsius=node.at("temperature_celsius").whole(least=None),
        memory_temperature_celsius=node.at("memory_temperature_celsius").whole(least=None),
        power_watts=node.at("power_watts").number(),
        power_limit_watts=node.at("power_limit_watts").number(),
        fan_percent=node.at("fan_percent").whole(),
        clocks=_clocks(node.at("clocks")),
        throttle_reasons=_tuple(node.at("throttle_reasons"), _word),
        pcie=_pcie(node.at("pcie")),
        persistence_mode=node.at("persistence_mode").flag(),
        compute_mode=node.at("compute_mode").text(),
        numa_node=node.at("numa_node").whole(),
        mig_enabled=node.at("mig_enabled").flag(),
        mig_devices=_tuple(node.at("mig_devices"), _mig_device),
        ecc_enabled=node.at("ecc_enabled").flag(),
        ecc_corrected_errors=node.at("ecc_corrected_errors").whole(),
        ecc_uncorrected_errors=node.at("ecc_uncorrected_errors").whole(),
        remapped_rows=RemappedRows(
            correctable=rows.at("correctable").whole(),
            uncorrectable=rows.at("uncorrectable").whole(),
        ),
        row_remap_pending=node.at("row_remap_pending").flag(),
        row_remap_failed=node.at("row_remap_failed").flag(),
        retired_pages_pending=node.at("retired_pages_pending").flag(),
        recovery_action=node.at("recovery_action").text(),
        xids=_tuple(node.at("xids"), _xid),
        processes=_tuple(node.at("processes"), _process),
        leased_by=node.at("leased_by").text(),
        unavailable=dict(_reasons(node)),
    )


def _severity(node: Node) -> Severity:
    """Older files do not have it: a problem was a warning then."""
    text = node.text() or Severity.WARNING
    if text not in list(Severity):
        node.refuse(f"not one of {', '.join(Severity)}: {text!r}")
    return Severity(text)


def link_from_json(node: Node) -> GpuLink:
    """One element of ``links``. Raises ValueError, naming the place."""
    return GpuLink(
        first=_number(node.at("first")),
        second=_number(node.at("second")),
        path=node.at("path").text(),
        nvlinks=node.at("nvlinks").whole(),
        peer_access=node.at("peer_access").flag(),
    )


def _problem(node: Node) -> Problem:
    return Problem(
        code=_word(node.at("code")),
        message=_word(node.at("message")),
        hint=node.at("hint").text() or "",
        gpu=node.at("gpu").whole(),
        severity=_severity(node.at("severity")),
    )


def _taken_at(node: Node) -> datetime | None:
    text = node.text()
    if text is None:
        return None
    try:
        taken = datetime.fromisoformat(text)
    except ValueError:
        node.refuse(f"not a time such as '2026-11-22T09:12:44+00:00': {text!r}")
    if taken.tzinfo is None:
        node.refuse(f"a time without its zone: {text!r}; write e.g. {text}Z")
    return taken


def parse_inventory(raw: bytes) -> GpuInventory:
    """The inventory in the bytes of a file. Raises ValueError, in words that follow its name."""
    try:
        document = json.loads(raw.decode("utf-8-sig"), parse_constant=_no_number)
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"is not JSON: {place}: {error.msg}") from None
    except RecursionError:
        raise ValueError("is nested too deeply for an inventory") from None
    except ValueError as error:  # NaN, or a number of thousands of digits
        raise ValueError(f"is not JSON: {error}") from None
    try:
        return inventory_from_json(document)
    except ValueError as error:
        raise ValueError(f"cannot be used: {error}") from None


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no number in JSON")


def inventory_from_json(document: object) -> GpuInventory:
    """The inventory in a parsed JSON document. Raises ValueError, naming the place."""
    root = Node(document)
    version = root.at("format_version").required()
    if version.whole() != FORMAT_VERSION:
        version.refuse(f"{version.value} is not known here; this mixvllm reads {FORMAT_VERSION}")
    gpus: dict[int, Gpu] = {}
    for node in root.at("gpus").required().items():
        gpu = gpu_from_json(node)
        if gpu.index in gpus:
            node.at("index").refuse(f"card {gpu.index} is there twice")
        gpus[gpu.index] = gpu
    driver = root.at("driver")
    return GpuInventory(
        taken_at=_taken_at(root.at("taken_at")),
        driver=None
        if driver.value is None
        else Driver(driver.at("version").text(), driver.at("cuda_version").text()),
        gpus=tuple(gpus.values()),
        problems=_tuple(root.at("problems"), _problem) or (),
        links=_tuple(root.at("links"), link_from_json),
    )
