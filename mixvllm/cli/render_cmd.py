"""`mixvllm render-cmd`."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mixvllm.cli.options import Format, with_profile_options
from mixvllm.cli.run.render_cmd import Arguments, run
from mixvllm.settings.sources import Override


class Target(StrEnum):
    """What is written."""

    SHELL = "shell"
    JSON = "json"


@with_profile_options
def render_cmd(
    profile: Annotated[
        Path,
        typer.Argument(metavar="PROFILE", help="the profile; - is standard input", readable=False),
    ],
    target: Annotated[Target, typer.Option("--target", help="shell or json")] = Target.SHELL,
    format_: Annotated[
        Format, typer.Option("--format", help="json is the same as --target json")
    ] = Format.TEXT,
    origins: Annotated[
        bool, typer.Option("--origins", help="say where each flag comes from")
    ] = False,
    vllm: Annotated[
        str | None, typer.Option("--vllm", metavar="VERSION", help="release to render for")
    ] = None,
    *,
    overrides: Sequence[Override],
) -> None:
    """Print the exact command and environment that `serve` would run, without starting it."""
    as_json = target is Target.JSON or format_ is Format.JSON
    raise typer.Exit(run(Arguments(profile, as_json, origins, vllm, overrides)))
