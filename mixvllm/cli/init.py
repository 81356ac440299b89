"""`mixvllm init`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from mixvllm.cli.streams import visible
from mixvllm.services.files.new import write_new
from mixvllm.services.init.profile import Machine, draft
from mixvllm.services.inventory import take_inventory
from mixvllm.services.release import known_release, release_here
from mixvllm.vllm.options import newest


def init(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="ORG/NAME, or the folder of a model")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="write it there")
    ] = None,
    vllm: Annotated[
        str | None,
        typer.Option("--vllm", metavar="VERSION", help="release; default: the installed one"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="write over a file")] = False,
) -> None:
    """Print a first profile of a model, fitted to this machine's cards and to the model's files.
    Nothing is asked of the network.
    """
    asked = None if vllm is None else known_release(vllm, "--vllm")
    release = asked or release_here(os.environ)
    folder = Path() if output is None else output.parent
    machine = Machine(
        os.environ, take_inventory(), release or newest(), is_sure=release is not None
    )
    text = draft(model, folder, machine)
    if output is None:
        print(text, end="")
        return
    write_new(output, text, force=force)
    name = visible(str(output))
    print(f"{name} is written; `mixvllm validate {name}` checks it", file=sys.stderr)
