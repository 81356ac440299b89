"""`mixvllm schema`."""

import json
import os
from pathlib import Path
from typing import Annotated, Final

import typer

from mixvllm.cli.progress import Progress
from mixvllm.services.check import Request, check
from mixvllm.services.files.new import write_new
from mixvllm.services.schema.profile import schema as schema_of

_NO_PROFILE: Final = Path("<no profile>")


def schema(
    vllm: Annotated[
        str | None,
        typer.Option(
            "--vllm", metavar="VERSION", help="release of vLLM; default: the installed, the newest"
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="write it there")
    ] = None,
) -> None:
    """Print the JSON Schema of profiles, for editors."""
    # The release is chosen as for a profile that names none.
    asked = Request(_NO_PROFILE, os.environ, release=vllm, text=b"{}", progress=Progress())
    text = json.dumps(schema_of(check(asked).facts.options), indent=1) + "\n"
    if output is None:
        print(text, end="")
        return
    write_new(output, text, force=True)
