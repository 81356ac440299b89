"""`mixvllm gpus`: the cards of this machine."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from mixvllm.cli.options import Format
from mixvllm.cli.text.style import Paint, Tone, wants_color
from mixvllm.core.errors import MachineFault
from mixvllm.gpu.inventory import GpuInventory
from mixvllm.services.inventory import save_inventory, take_inventory


def gpus(
    format_: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TEXT,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it to a file, for `validate --host FILE`."),
    ] = None,
) -> None:
    """Show the cards of this machine: memory, load, health, and who uses them.

    Exit 0: there are cards. 3: none can be asked, and why.
    """
    inventory = take_inventory()
    if save is not None and inventory.gpus:
        save_inventory(inventory, save)
    if format_ is Format.JSON:
        typer.echo(json.dumps(inventory.as_json(), indent=2))
        raise typer.Exit(0 if inventory.gpus else MachineFault.exit_code)
    if not inventory.gpus:
        why = inventory.problems[0]
        raise MachineFault(why.message, hint=why.hint)
    _show(inventory)
    raise typer.Exit(0)


def _show(inventory: GpuInventory) -> None:
    """The table to stdout, what is wrong to stderr."""
    from rich.console import Console

    from mixvllm.cli.text.gpus import gpu_lines

    out = Console(highlight=False, color_system="auto" if wants_color(sys.stdout) else None)
    for line in gpu_lines(inventory, width=out.width or 80, ascii_only=out.options.ascii_only):
        out.print(line, soft_wrap=True)
    paint = Paint(on=wants_color(sys.stderr))
    for problem in inventory.problems:
        typer.echo(f"{paint('warning', Tone.DOUBTFUL)}: {problem.message}", err=True)
        typer.echo(f"  {problem.hint}", err=True)
