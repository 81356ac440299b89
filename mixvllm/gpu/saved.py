"""An inventory that was saved to a file and is read again, perhaps on another machine.

The file is what `mixvllm gpus --format json` prints, or a shorter one written by hand:
of a card only ``index`` is needed.

The file comes from elsewhere and may hold anything: every refusal is one sentence.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from mixvllm.gpu.document import Node
from mixvllm.gpu.inventory import (
    FIELDS,
    FORMAT_VERSION,
    Driver,
    Gpu,
    GpuInventory,
    GpuMemory,
    GpuProcess,
    GpuUtilization,
    Problem,
)

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


def _process(node: Node) -> GpuProcess:
    return GpuProcess(
        pid=node.at("pid").required().whole() or 0,
        kinds=tuple(kind.required().text() or "" for kind in node.at("kinds").required().items()),
        memory_bytes=node.at("memory_bytes").whole(),
        name=node.at("name").text(),
        user=node.at("user").text(),
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
        if name not in FIELDS and reason is not None:  # e.g. processes.name
            yield name, reason


def _gpu(node: Node) -> Gpu:
    memory, utilization, processes = node.at("memory"), node.at("utilization"), node.at("processes")
    return Gpu(
        index=node.at("index").required().whole() or 0,
        uuid=node.at("uuid").text(),
        name=node.at("name").text(),
        pci_bus_id=node.at("pci_bus_id").text(),
        compute_capability=_capability(node.at("compute_capability")),
        memory=GpuMemory(
            total_bytes=memory.at("total_bytes").whole(),
            used_bytes=memory.at("used_bytes").whole(),
            free_bytes=memory.at("free_bytes").whole(),
            reserved_bytes=memory.at("reserved_bytes").whole(),
        ),
        utilization=GpuUtilization(
            gpu_percent=utilization.at("gpu_percent").whole(),
            memory_percent=utilization.at("memory_percent").whole(),
        ),
        temperature_celsius=node.at("temperature_celsius").whole(least=None),
        power_watts=node.at("power_watts").number(),
        power_limit_watts=node.at("power_limit_watts").number(),
        mig_enabled=node.at("mig_enabled").flag(),
        ecc_uncorrected_errors=node.at("ecc_uncorrected_errors").whole(),
        row_remap_pending=node.at("row_remap_pending").flag(),
        row_remap_failed=node.at("row_remap_failed").flag(),
        processes=None
        if processes.value is None
        else tuple(_process(item) for item in processes.items()),
        unavailable=dict(_reasons(node)),
    )


def _problem(node: Node) -> Problem:
    return Problem(
        code=node.at("code").required().text() or "",
        message=node.at("message").required().text() or "",
        hint=node.at("hint").text() or "",
        gpu=node.at("gpu").whole(),
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
        gpu = _gpu(node)
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
        problems=tuple(_problem(node) for node in root.at("problems").items())
        if root.at("problems").value is not None
        else (),
    )
