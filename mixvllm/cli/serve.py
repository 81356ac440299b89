"""`mixvllm serve`."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mixvllm.cli.options import Format, with_profile_options
from mixvllm.cli.progress import Progress
from mixvllm.cli.text.findings import show_findings
from mixvllm.core.diagnostic import Severity
from mixvllm.core.errors import ProfileFault
from mixvllm.services.check import Request, check
from mixvllm.settings.sources import Override


@with_profile_options
def serve(
    profile: Annotated[Path, typer.Argument(metavar="PROFILE", help="the profile", readable=False)],
    format_: Annotated[
        Format, typer.Option("--format", help="json writes one event a line")
    ] = Format.TEXT,
    no_color: Annotated[bool, typer.Option("--no-color", help="no colours in the panes")] = False,
    *,
    overrides: Sequence[Override],
) -> None:
    """Check a profile, start its vLLM, watch it in live panes, and stop it cleanly.

    Ctrl-C stops it and lets running requests finish; Ctrl-C again stops it at once.
    """
    import asyncio

    from mixvllm.services.serve import TRIED_AGAIN, plan, quiet_parts
    from mixvllm.services.serve import serve as run

    checked = check(
        Request(profile, os.environ, overrides, look=True, progress=Progress(), starts=True)
    )
    loud = [
        d
        for d in checked.diagnostics
        if d.severity is not Severity.INFO and d.code not in TRIED_AGAIN
    ]
    show_findings(loud, checked.resolved.texts_shown, stream=sys.stderr)
    if checked.errors:
        raise ProfileFault(f"{profile} has errors; nothing was started", checked.diagnostics)
    prepared = plan(checked, os.environ, lambda text: print(text, file=sys.stderr))
    problems = checked.installation.problems if checked.installation else ()
    ended = asyncio.run(
        run(
            prepared,
            json_lines=format_ is Format.JSON,
            color=not no_color,
            environ=os.environ,
            notes=(*quiet_parts(checked), *problems),
        )
    )
    if ended.code:
        print(f"error: {ended.reason}", file=sys.stderr)
        print(f"  vLLM's output: {prepared.run.log_file}", file=sys.stderr)
    raise typer.Exit(int(ended.code))
