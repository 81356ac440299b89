"""`mixvllm validate`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mixvllm.cli.options import with_profile_options
from mixvllm.cli.run.validate import Arguments, ReportFormat, run
from mixvllm.settings.sources import Override


@with_profile_options
def validate(
    profiles: Annotated[
        list[Path],
        typer.Argument(metavar="PROFILE", help="profiles; - is standard input", readable=False),
    ],
    form: Annotated[
        ReportFormat, typer.Option("--format", help="how the findings are written")
    ] = ReportFormat.TEXT,
    vllm: Annotated[
        str | None, typer.Option("--vllm", metavar="VERSION", help="release to check against")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="release that you come from: tells what changed"),
    ] = None,
    host: Annotated[
        Path | None,
        typer.Option("--host", help="check for the machine of this `gpus --save` file"),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="warnings count as errors")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="make the fixes that are certain")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="print these fixes, write nothing")] = False,
    stdin_filename: Annotated[
        Path | None, typer.Option("--stdin-filename", help="name shown for standard input")
    ] = None,
    *,
    overrides: Sequence[Override],
) -> None:
    """Check profiles: all faults at once, each at its line and column, without starting vLLM."""
    raise typer.Exit(
        run(
            Arguments(
                profiles, form, vllm, since, host, strict, fix, diff, stdin_filename, overrides
            )
        )
    )
