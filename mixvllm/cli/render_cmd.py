"""`mixvllm render-cmd`."""

import json
import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mixvllm.cli.options import Format, with_profile_options
from mixvllm.cli.show import show_findings
from mixvllm.core.diagnostic import Severity
from mixvllm.core.errors import ProfileFault
from mixvllm.render.document import document
from mixvllm.render.shell import shell
from mixvllm.services.check import Request, check
from mixvllm.services.render import command_of
from mixvllm.settings.sources import Override


class Target(StrEnum):
    """What is written."""

    SHELL = "shell"
    JSON = "json"


@with_profile_options
def render_cmd(
    profile: Annotated[Path, typer.Argument(metavar="PROFILE", help="the profile", readable=False)],
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
    checked = check(Request(profile, os.environ, overrides, vllm))
    loud = [d for d in checked.diagnostics if d.severity is not Severity.INFO]
    show_findings(loud, checked.resolved.texts_shown, stream=sys.stderr)
    if checked.errors:
        raise ProfileFault(f"{profile} has errors; nothing was rendered", checked.diagnostics)
    command = command_of(checked)
    if target is Target.JSON or format_ is Format.JSON:
        print(json.dumps(document(command), indent=2))
    else:
        print(shell(command, origins=origins), end="")
