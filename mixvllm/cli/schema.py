"""`mixvllm schema`."""

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from mixvllm.cli.progress import Progress
from mixvllm.core.errors import UsageFault
from mixvllm.services.files.new import write_new
from mixvllm.services.schema.shapes import Schema

_NO_PROFILE: Final = Path("<no profile>")


class Subject(StrEnum):
    """What there is a schema of."""

    PROFILE = "profile"
    GPUS = "gpus"
    FIT = "fit"


def schema(
    of: Annotated[
        Subject, typer.Option("--of", help="of profiles, or of what a command prints as JSON")
    ] = Subject.PROFILE,
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
    """Print the JSON Schema of profiles, for editors; or that of a command's JSON."""
    if vllm is not None and of is not Subject.PROFILE:
        raise UsageFault(
            f"--vllm does not go with --of {of}", hint="it is the same for every release of vLLM"
        )
    text = json.dumps(_schema(of, vllm), indent=1) + "\n"
    if output is None:
        print(text, end="")
        return
    write_new(output, text, force=True)


def _schema(of: Subject, release: str | None) -> Schema:
    match of:
        case Subject.GPUS:
            from mixvllm.services.schema.gpus import gpus_schema

            return gpus_schema()
        case Subject.FIT:
            from mixvllm.services.schema.fit import fit_schema

            return fit_schema()
        case Subject.PROFILE:
            from mixvllm.services.check import Request, check
            from mixvllm.services.schema.profile import schema as schema_of

            # The release is chosen as for a profile that names none.
            asked = Request(
                _NO_PROFILE, os.environ, release=release, text=b"{}", progress=Progress()
            )
            return schema_of(check(asked).facts.options)
