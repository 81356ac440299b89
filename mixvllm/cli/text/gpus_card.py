"""One card whole: every figure with its unit, and the reason for each that is not told."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from mixvllm.cli.streams import visible as shown
from mixvllm.cli.text.cells import Line, Span, line, wrapped
from mixvllm.cli.text.gpus import GIB, holder, memory_in_words, visible_sentences, watts
from mixvllm.cli.text.gpus_health import by_severity, health, sentence, tone_of
from mixvllm.cli.text.style import Tone
from mixvllm.core.units import show_duration, show_size
from mixvllm.gpu.inventory import Gpu, GpuInventory, MigDevice
from mixvllm.gpu.visible import Visible

_LABEL: Final = 20
_UNTOLD: Final = "not told"
_MOST: Final = 20  # processes; `--processes` has them all


class _Told(NamedTuple):
    """A line of the page: what it is, and what the card says of it."""

    label: str
    text: str | None
    fields: tuple[str, ...] = ()  # one of them says why there is no text


def card_lines(
    gpu: Gpu, inventory: GpuInventory, *, width: int, visible: Visible | None = None
) -> list[Line]:
    """The page of a card."""
    found = health(gpu, inventory)
    name = shown(gpu.name) if gpu.name else "a card without a name"
    lines: list[Line] = [
        (Span(f"card {gpu.index}", Tone.NAME), Span(f"  {name}  ", Tone.STRONG), *found.short)
    ]
    for problem in by_severity(inventory.problems_of(gpu.index)):
        parts = wrapped(f"  {sentence(problem)}", width, indent="  ")
        lines += [line(part, tone_of(problem)) for part in parts]
        lines += [line(part) for part in wrapped(f"  {shown(problem.hint)}", width, indent="  ")]
    for title, figures in _sections(gpu, visible):
        lines += [(), line(title, Tone.DIM), *_figures(figures, gpu, width)]
    lines += [*_slices(gpu), *_processes(gpu, width)]
    notes = list(visible_sentences(visible))
    return [*lines, *([()] if notes else []), *(line(note) for note in notes)]


def _figures(figures: list[_Told], gpu: Gpu, width: int) -> Iterator[Line]:
    """What the card says, then what it does not: a line for each reason."""
    missing: dict[str, list[str]] = {}
    for told in figures:
        if told.text is not None:
            yield from _labelled(told.label, told.text, width)
        else:
            why = next((gpu.unavailable[f] for f in told.fields if f in gpu.unavailable), _UNTOLD)
            missing.setdefault(why, []).append(told.label)
    for why, labels in missing.items():
        yield from _labelled("not known", f"{', '.join(labels)}: {shown(why)}", width, Tone.DIM)


def _labelled(label: str, text: str, width: int, tone: Tone | None = None) -> Iterator[Line]:
    first, *more = wrapped(text, max(20, width - 2 - _LABEL))
    yield (Span(f"  {label:<{_LABEL}}", Tone.DIM), Span(first, tone))
    for part in more:
        yield (Span(" " * (2 + _LABEL)), Span(part, tone))


def _sections(gpu: Gpu, visible: Visible | None) -> Iterator[tuple[str, list[_Told]]]:
    yield "what it is", _identity(gpu, visible)
    yield "memory", _memory(gpu)
    yield "load", _load(gpu)
    yield "PCIe", _pcie(gpu)
    yield "errors", _errors(gpu)


def _identity(gpu: Gpu, visible: Visible | None) -> list[_Told]:
    cc = gpu.compute_capability
    cuda = [] if visible is None else [_Told("CUDA_VISIBLE_DEVICES", _seen(gpu, visible))]
    return [
        _Told("UUID", _text(gpu.uuid), ("uuid",)),
        _Told("bus", _text(gpu.pci_bus_id), ("pci_bus_id",)),
        _Told("NUMA node", _text(gpu.numa_node), ("numa_node",)),
        _Told("compute capability", None if cc is None else "{}.{}".format(*cc),
              ("compute_capability",)),
        _Told("persistence mode", _on(gpu.persistence_mode), ("persistence_mode",)),
        _Told("compute mode", _text(gpu.compute_mode), ("compute_mode",)),
        _Told("MIG mode", _on(gpu.mig_enabled), ("mig_enabled",)),
        *cuda,
    ]  # fmt: skip


def _seen(gpu: Gpu, visible: Visible) -> str:
    devices = [
        entry.device for entry in visible.entries
        if entry.gpu == gpu.index and entry.device is not None
    ]  # fmt: skip
    return f"programs know it as device {devices[0]}" if devices else "hides it"


def _memory(gpu: Gpu) -> list[_Told]:
    memory = gpu.memory
    total = memory.cuda_total_bytes
    return [
        _Told("total", _size(memory.total_bytes), ("memory.total_bytes",)),
        _Told("used", _size(memory.used_bytes), ("memory.used_bytes",)),
        _Told("free", _size(memory.free_bytes), ("memory.free_bytes",)),
        _Told("kept by the driver", _size(memory.reserved_bytes), ("memory.reserved_bytes",)),
        _Told("CUDA will see", None if total is None else
              f"about {total / GIB:.2f} GiB: of this vLLM takes its gpu_memory_utilization",
              ("memory.cuda_total_bytes", "memory.total_bytes", "memory.reserved_bytes")),
    ]  # fmt: skip


def _load(gpu: Gpu) -> list[_Told]:
    use, clocks, reasons = gpu.utilization, gpu.clocks, gpu.throttle_reasons
    slowed = None if reasons is None else shown(", ".join(reasons)) or "no: full speed"
    return [
        _Told("utilisation", _unit(use.gpu_percent, "%"), ("utilization.gpu_percent",)),
        _Told("memory access", _unit(use.memory_percent, "%"), ("utilization.memory_percent",)),
        _Told("temperature", _unit(gpu.temperature_celsius, "°C"), ("temperature_celsius",)),
        _Told("memory temperature", _unit(gpu.memory_temperature_celsius, "°C"),
              ("memory_temperature_celsius",)),
        _Told("power", watts(gpu), ("power_watts",)),
        _Told("fan", _unit(gpu.fan_percent, "%"), ("fan_percent",)),
        _Told("SM clock", _of(clocks.sm_mhz, clocks.max_sm_mhz, " MHz"), ("clocks.sm_mhz",)),
        _Told("memory clock", _of(clocks.memory_mhz, clocks.max_memory_mhz, " MHz"),
              ("clocks.memory_mhz",)),
        _Told("slowed down", slowed, ("throttle_reasons",)),
    ]  # fmt: skip


def _pcie(gpu: Gpu) -> list[_Told]:
    link = gpu.pcie
    return [
        _Told("generation", _of(link.generation, link.max_generation), ("pcie.generation",)),
        _Told("lanes", _of(link.width, link.max_width), ("pcie.width",)),
        _Told("sent again", _unit(link.replays, "packets"), ("pcie.replays",)),
    ]


def _errors(gpu: Gpu) -> list[_Told]:
    rows = gpu.remapped_rows
    return [
        _Told("ECC", _on(gpu.ecc_enabled), ("ecc_enabled",)),
        _Told("corrected errors", _text(gpu.ecc_corrected_errors), ("ecc_corrected_errors",)),
        _Told("uncorrected errors", _text(gpu.ecc_uncorrected_errors), ("ecc_uncorrected_errors",)),
        _Told("rows remapped", None if rows.correctable is None or rows.uncorrectable is None else
              f"{rows.correctable} after correctable, {rows.uncorrectable} after"
              " uncorrectable errors", ("remapped_rows.correctable",)),
        _Told("remap pending", _yes(gpu.row_remap_pending), ("row_remap_pending",)),
        _Told("remap failed", _yes(gpu.row_remap_failed), ("row_remap_failed",)),
        _Told("retirement pending", _yes(gpu.retired_pages_pending), ("retired_pages_pending",)),
        _Told("the driver advises", _text(gpu.recovery_action), ("recovery_action",)),
        *_xids(gpu),
    ]  # fmt: skip


def _xids(gpu: Gpu) -> list[_Told]:
    if not gpu.xids:
        return [_Told("kernel's log", None if gpu.xids is None else "nothing", ("xids",))]
    return [_Told(f"XID {xid.code}", shown(xid.message) + _ago(xid.seconds_ago))
            for xid in gpu.xids]  # fmt: skip


def _ago(seconds: float | None) -> str:
    return "" if seconds is None else f", {show_duration(seconds)} ago"


def _slices(gpu: Gpu) -> Iterator[Line]:
    if not gpu.mig_devices:
        return
    yield ()
    yield line("MIG devices", Tone.DIM)
    for each in gpu.mig_devices:
        yield (
            Span(f"  {gpu.index}:{each.index}  ", Tone.NAME),
            Span(f"{shown(each.profile or '-'):<12}"),
            *memory_in_words(each.memory),
            *_where(each),
        )
        if each.uuid:
            yield line(f"       {shown(each.uuid)}")


def _where(each: MigDevice) -> Line:
    if each.gpu_instance is None or each.compute_instance is None:
        return ()
    return line(f"  GPU instance {each.gpu_instance}, compute instance {each.compute_instance}",
                Tone.DIM)  # fmt: skip


def _processes(gpu: Gpu, width: int) -> Iterator[Line]:
    yield ()
    yield line("processes", Tone.DIM)
    held = [*(gpu.processes or ()), *(p for m in gpu.mig_devices or () for p in m.processes or ())]
    if not held:
        why = shown(gpu.unavailable.get("processes", _UNTOLD))
        text = "  none" if gpu.processes is not None else f"  - ({why})"
        yield from (line(part) for part in wrapped(text, width, indent="    "))
    held.sort(key=lambda process: -(process.memory_bytes or 0))
    for process in held[:_MOST]:
        size = "-" if process.memory_bytes is None else show_size(process.memory_bytes)
        user = f"  {shown(process.user)}" if process.user else ""
        yield line(f"  {size:>10}  {holder(process)}{user}")
    if len(held) > _MOST:
        yield line(f"  and {len(held) - _MOST} more: `mixvllm gpus --processes` has all", Tone.DIM)


def _text(value: str | int | None) -> str | None:
    return None if value is None else shown(str(value))


def _on(value: bool | None) -> str | None:
    return None if value is None else "on" if value else "off"


def _yes(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


def _size(value: int | None) -> str | None:
    return None if value is None else f"{value / GIB:.2f} GiB"


def _unit(value: int | None, unit: str) -> str | None:
    return None if value is None else f"{value} {unit}"


def _of(now: int | None, most: int | None, unit: str = "") -> str | None:
    if now is None:
        return None
    return f"{now}{unit}" if most is None else f"{now} of {most}{unit}"
