"""`mixvllm completion`.

What the scripts ask for at every press of a key, `mixvllm completion --words SHELL WORD...`, is
answered before any parser is imported: see :mod:`mixvllm.cli.main`.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

_SCRIPTS: Final = Path(__file__).with_name("shells")


class Shell(StrEnum):
    """A shell that can be taught."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help="the shell to teach")],
) -> None:
    """Print what makes a shell complete commands, options, files, keys of a profile, options of
    vLLM, codes and releases; its first line says where to put it.
    """
    print((_SCRIPTS / f"completion.{shell}").read_text(encoding="utf-8"), end="")
