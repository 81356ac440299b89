"""`mixvllm fit`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mixvllm.cli.options import Format, with_profile_options
from mixvllm.cli.run.fit import Arguments, run
from mixvllm.settings.sources import Override


@with_profile_options
def fit(
    profile: Annotated[
        Path,
        typer.Argument(metavar="PROFILE", help="the profile; - is standard input", readable=False),
    ],
    format_: Annotated[
        Format, typer.Option("--format", help="how the forecast is written")
    ] = Format.TEXT,
    vllm: Annotated[
        str | None, typer.Option("--vllm", metavar="VERSION", help="release to forecast for")
    ] = None,
    host: Annotated[
        Path | None,
        typer.Option("--host", help="forecast for the machine of this `gpus --save` file"),
    ] = None,
    online: Annotated[
        bool,
        typer.Option("--online", help="read what is not here from the Hub: headers, no weights"),
    ] = False,
    *,
    overrides: Sequence[Override],
) -> None:
    """Say whether the model fits on the cards, with how much context, and what would help.

    Exit 0: it fits, or it cannot be told. 1: it does not fit. 3: the model is not at hand.
    """
    as_json = format_ is Format.JSON
    raise typer.Exit(run(Arguments(profile, as_json, vllm, host, online, overrides)))
