"""`mixvllm explain`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mixvllm.cli.options import Format, with_profile_options
from mixvllm.cli.run.explain import Arguments, run
from mixvllm.settings.sources import Override


@with_profile_options
def explain(
    word: Annotated[
        str,
        typer.Argument(
            metavar="CODE|RULE|KEY", help="MX210, one-load-balancer, server.port, dtype"
        ),
    ],
    profile: Annotated[
        Path | None, typer.Option("--profile", help="tell where its value comes from")
    ] = None,
    vllm: Annotated[
        str | None, typer.Option("--vllm", metavar="VERSION", help="release to look it up in")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="text or json")] = Format.TEXT,
    *,
    overrides: Sequence[Override],
) -> None:
    """Tell what a finding means, or what a key is, where its value comes from, and what that
    overrode. Nothing is asked of the network.
    """
    raise typer.Exit(run(Arguments(word, profile, vllm, form is Format.JSON, overrides)))
