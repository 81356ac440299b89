"""What `mixvllm gpus` does, once its words are read."""

import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mixvllm.cli.plain import PlainWords
from mixvllm.cli.quick import quick_imports
from mixvllm.cli.streams import visible as shown
from mixvllm.core.errors import MachineFault, UsageFault
from mixvllm.core.units import parse_duration
from mixvllm.gpu.process import Collector, Scope

if TYPE_CHECKING:  # imported while the driver works
    from mixvllm.cli.text.cells import Line
    from mixvllm.gpu.inventory import GpuInventory
    from mixvllm.gpu.visible import Visible

_INTERVAL: Final = 1.0  # seconds
_SHORTEST: Final = 0.2
_LONGEST: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was asked for; no ``cards`` are all of them."""

    cards: Sequence[str] = ()
    as_json: bool = False
    save: Path | None = None
    host: Path | None = None
    processes: bool = False
    topology: bool = False
    watch: bool = False
    interval: str | None = None

    @property
    def seconds(self) -> float:
        """Between two looks. Raises UsageFault."""
        if self.interval is None:
            return _INTERVAL
        try:
            seconds = parse_duration(self.interval)
        except ValueError as error:
            raise UsageFault(f"--interval: {error}") from None
        if not _SHORTEST <= seconds <= _LONGEST:
            raise UsageFault(
                f"--interval {shown(self.interval)} is out of range",
                hint=f"from {_SHORTEST:g} s to a day; 1 s is the default",
            )
        return seconds


def run_plainly(words: PlainWords) -> int | None:
    """The same for plain words."""
    asked = words.options
    save, host = asked.get("--save"), asked.get("--host")
    return run(
        Arguments(
            words.operands,
            as_json=asked.get("--format") == "json",
            save=None if save is None else Path(save),
            host=None if host is None else Path(host),
            processes="--processes" in asked,
            topology="--topology" in asked,
            watch="--watch" in asked,
            interval=asked.get("--interval"),
        )
    )


def run(arguments: Arguments) -> int:
    """Ask, show, and return the exit code: 0, or 3 where no card can be asked.

    Raises:
        UsageFault: options that do not go together, a word that means several cards.
        MachineFault: no card can be asked, or not the one that is named.
    """
    _refuse_what_does_not_meet(arguments)
    if arguments.watch:
        from mixvllm.cli.run.gpus_watch import watch

        return watch(arguments)
    inventory, seconds = _asked(arguments)
    if arguments.save is not None and inventory.gpus:
        from mixvllm.services.inventory import save_inventory

        save_inventory(inventory, arguments.save)
    visible = None if arguments.host is not None else as_cuda_sees(inventory)
    wanted = inventory
    if arguments.cards:
        from mixvllm.cli.run.gpus_chosen import only

        wanted = only(inventory, arguments.cards)
    if arguments.as_json:
        print(json.dumps(document(wanted, visible), indent=2))
        return 0 if inventory.gpus else MachineFault.exit_code
    if not inventory.gpus:
        raise no_cards(inventory)
    _print(_lines(wanted, arguments, visible, seconds))
    if not arguments.cards or arguments.processes or arguments.topology:
        _print_problems(wanted)
    return 0


def _asked(arguments: Arguments) -> "tuple[GpuInventory, float | None]":
    """The inventory, and the seconds in which it was taken; of a saved one they are not known."""
    if arguments.host is not None:
        from mixvllm.services.inventory import read_inventory

        return read_inventory(arguments.host), None
    began = time.perf_counter()
    scope = Scope(links=arguments.topology)
    started = _started(scope)
    # Imported while the driver works: that takes as long.
    with quick_imports():
        import mixvllm.cli.text.gpus  # noqa: F401
        from mixvllm.services.inventory import take_inventory

    inventory = take_inventory(scope, started=started, waking=_say_it_takes_long)
    return inventory, time.perf_counter() - began


def _started(scope: Scope) -> Collector | None:
    """A collector at work; None where it cannot be started, which is then tried and told."""
    try:
        return Collector(scope).ask()
    except OSError:
        return None


def _say_it_takes_long() -> None:
    print("the driver wakes the cards; persistence mode would keep them awake", file=sys.stderr)


def no_cards(inventory: "GpuInventory") -> MachineFault:
    """Why there is nothing to show."""
    from mixvllm.cli.text.gpus_health import by_severity

    if not inventory.problems:
        return MachineFault("the inventory has no cards")
    why = by_severity(inventory.problems)[0]
    return MachineFault(why.message, hint=why.hint)


def as_cuda_sees(inventory: "GpuInventory") -> "Visible | None":
    """What CUDA_VISIBLE_DEVICES makes of the cards here; None where it is not set."""
    if "CUDA_VISIBLE_DEVICES" not in os.environ:
        return None
    from mixvllm.gpu.visible import visible_cards

    return visible_cards(inventory, os.environ)


def document(inventory: "GpuInventory", visible: "Visible | None") -> dict[str, object]:
    """What `--format json` prints: the inventory, and how CUDA reads CUDA_VISIBLE_DEVICES."""
    return inventory.as_json() | {"visible": None if visible is None else visible.as_json()}


def _refuse_what_does_not_meet(arguments: Arguments) -> None:
    """Raises UsageFault."""
    if arguments.watch:
        for given, name, why in (
            (arguments.host, "--host", "a saved inventory does not change"),
            (arguments.save, "--save", "`mixvllm gpus --save FILE` writes one look"),
            (arguments.topology, "--topology", "the ways between cards do not change"),
        ):
            if given:
                raise UsageFault(f"--watch does not go with {name}", hint=why)
    elif arguments.interval is not None:
        raise UsageFault("--interval goes with --watch", hint="add --watch, or take it out")
    _ = arguments.seconds


def _lines(
    inventory: "GpuInventory",
    arguments: Arguments,
    visible: "Visible | None",
    seconds: float | None,
) -> "Iterable[Line]":
    """The views that were asked for, one below the other."""
    from mixvllm.cli.text.cells import columns_of, takes_ascii_only

    width, ascii_only = columns_of(sys.stdout), takes_ascii_only(sys.stdout)
    views: list[list[Line]] = []
    if arguments.processes:
        from mixvllm.cli.text.gpus_processes import process_lines

        views.append(process_lines(inventory, width=width, ascii_only=ascii_only))
    if arguments.topology:
        from mixvllm.cli.text.gpus_topology import topology_lines

        views.append(topology_lines(inventory, width=width, visible=visible))
    if not views and arguments.cards:
        from mixvllm.cli.text.gpus_card import card_lines

        views += [card_lines(g, inventory, width=width, visible=visible) for g in inventory.gpus]
    if not views:
        from mixvllm.cli.text.gpus import gpu_lines

        views.append(
            gpu_lines(
                inventory, width=width, ascii_only=ascii_only, visible=visible, seconds=seconds
            )
        )
    for at, view in enumerate(views):
        yield from [()] if at else []
        yield from view


def _print(lines: "Iterable[Line]") -> None:
    from mixvllm.cli.text.cells import takes_ascii_only, written
    from mixvllm.cli.text.style import Paint, wants_color

    paint, ascii_only = Paint(on=wants_color(sys.stdout)), takes_ascii_only(sys.stdout)
    print("\n".join(written(each, paint, ascii_only=ascii_only) for each in lines))


def _print_problems(inventory: "GpuInventory") -> None:
    """What is wrong, and what to do: to standard error. What helps with several is said once."""
    from mixvllm.cli.text.gpus_health import tone_of, word_of, worth_a_word
    from mixvllm.cli.text.style import Paint, Tone, wants_color

    paint = Paint(on=wants_color(sys.stderr))
    for hint, alike in groupby(worth_a_word(inventory), key=lambda problem: problem.hint):
        for problem in alike:
            word = paint(word_of(problem), tone_of(problem) or Tone.DIM)
            print(f"{word}: {shown(problem.message)}", file=sys.stderr)
        print(f"  {shown(hint)}", file=sys.stderr)
