"""`mixvllm gpus`: the words of its command line."""

from pathlib import Path
from typing import Annotated

import typer

from mixvllm.cli.options import Format
from mixvllm.cli.run.gpus import Arguments, run


def gpus(
    cards: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CARD]...", help="show these whole: an index, or the beginning of a UUID"
        ),
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="how to print it")] = Format.TEXT,
    processes: Annotated[
        bool, typer.Option("--processes", help="show who holds memory of the cards")
    ] = False,
    topology: Annotated[
        bool, typer.Option("--topology", help="show how near the cards are, and which to group")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="look again and again")] = False,
    interval: Annotated[
        str | None, typer.Option("--interval", metavar="TIME", help="between two looks; 1s")
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", help="write it to a file, for --host FILE"),
    ] = None,
    host: Annotated[
        Path | None,
        typer.Option("--host", metavar="FILE", help="show a saved inventory, not this machine"),
    ] = None,
) -> None:
    """Show the cards of this machine: memory, load, health, and who uses them.

    Exit 0: there are cards. 3: none can be asked, and why.
    """
    raise typer.Exit(
        run(
            Arguments(
                cards=cards or (),
                as_json=format_ is Format.JSON,
                save=save,
                host=host,
                processes=processes,
                topology=topology,
                watch=watch,
                interval=interval,
            )
        )
    )
