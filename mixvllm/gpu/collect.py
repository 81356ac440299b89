"""The cards as the collector tells them, put into our own words.

The collector (:mod:`mixvllm.gpu.collector`) is a process: what is stuck in the driver is stuck
there and not here, and can be left behind.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from mixvllm.gpu import faults
from mixvllm.gpu.document import Node
from mixvllm.gpu.health import health_problems, unclaimed_xids
from mixvllm.gpu.holder import read
from mixvllm.gpu.inventory import FIELDS, Driver, Gpu, GpuLink, Problem
from mixvllm.gpu.kernel import is_wsl
from mixvllm.gpu.patience import PATIENCE, Patience
from mixvllm.gpu.process import DEFAULT, Collector, CollectorEnded, Scope
from mixvllm.gpu.saved import gpu_from_json, link_from_json
from mixvllm.gpu.surroundings import WSL, WSL_FIELDS, notes

_START: Final = 10.0  # seconds in which the collector is up, on the busiest machine
_NOT_TOLD: Final = "not told"
_NOT_SUPPORTED: Final = "not supported by this card"
_MIG: Final = "not told for a card in MIG mode"


def collect(
    scope: Scope = DEFAULT,
    patience: Patience = PATIENCE,
    *,
    started: Collector | None = None,
    waking: Callable[[], None] | None = None,
) -> "Collected":
    """All cards, now. ``started`` is a collector that is asked already, of that scope."""
    try:
        collector = started or Collector(scope, patience).ask()
    except OSError as error:
        return Collected(None, (), (faults.driver_error(str(error)),))
    most = _START + patience.open + patience.attach
    try:
        message = collector.answer(most, waking)
    except CollectorEnded as ended:
        return Collected(None, (), (faults.driver_error(str(ended)),))
    finally:
        collector.close()
    if message is None:
        return Collected(None, (), (faults.no_answer(most),))
    return collected(message, scope)


@dataclass(frozen=True, slots=True)
class Collected:
    """What the driver and its cards said; with no cards, ``problems`` says why."""

    driver: Driver | None
    gpus: tuple[Gpu, ...]
    problems: tuple[Problem, ...]
    links: tuple[GpuLink, ...] | None = None


def collected(message: dict[str, Any], scope: Scope) -> Collected:
    """The collector's answer in our words."""
    told = message["driver"]
    driver = None if told is None else Driver(told["version"], told["cuda_version"])
    if message["refused"] is not None:
        code, detail = message["refused"]
        return Collected(driver, (), (faults.refusal(code, detail, scope.proc),))
    if not message["cards"]:
        return Collected(driver, (), (faults.no_cards(driver.version if driver else None),))
    gpus, problems = [], []
    in_wsl = is_wsl(scope.proc)
    for card in message["cards"]:
        _add_numa_node(card["told"], card["why"], scope.sys)
        gpu = _gpu(card, in_wsl=in_wsl)
        gpus.append(gpu)
        problems += list(_problems(gpu, card["fault"]))
    problems += [*unclaimed_xids(message["xids"]), *notes(tuple(gpus), scope.proc)]
    links = None
    if scope.links:
        links = tuple(link_from_json(Node(link)) for link in message["links"])
    return Collected(driver, tuple(gpus), tuple(problems), links)


def _add_numa_node(told: dict[str, Any], why: dict[str, str], sys_: str) -> None:
    """The kernel's word for it, where the driver has none; -1 is none, either."""
    bus = told.get("pci_bus_id")
    if bus and "numa_node" in why:
        node = read(f"{sys_}/bus/pci/devices/{bus.lower()[-12:]}/numa_node").strip()
        if node.isdigit():
            told["numa_node"] = int(node)
            del why["numa_node"]


def _problems(gpu: Gpu, fault: list[str] | None) -> Iterator[Problem]:
    if fault is not None:
        yield faults.card_fault(gpu.index, *fault)
    yield from health_problems(gpu)


def _gpu(card: dict[str, Any], *, in_wsl: bool) -> Gpu:
    """The card, with a reason for every figure that is not there."""
    told, why = card["told"], card["why"]
    document: dict[str, Any] = {"index": card["index"]}
    for name, value in told.items():
        place = document
        *parents, last = name.split(".")
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    missing = _NOT_TOLD if card["fault"] is None else card["fault"][1]
    reasons = dict.fromkeys((name for name in FIELDS if name not in told), missing) | why
    if told.get("mig_enabled"):
        reasons |= {name: _MIG for name, text in reasons.items() if text == _NOT_SUPPORTED}
    if in_wsl:
        reasons |= {name: WSL for name in WSL_FIELDS if name in reasons}
    return gpu_from_json(Node(document | {"unavailable": reasons}))
