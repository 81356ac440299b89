"""Typer's part of a command: reads the words and calls the command's function."""

import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from mixvllm.cli.commands import Command
from mixvllm.cli.exits import output_is_lost
from mixvllm.cli.quick import quick_imports
from mixvllm.core.errors import UsageFault

with quick_imports():
    import typer

_INTERRUPTED: Final = 130
# Typer ships its own copy of Click and exports of its errors only this leaf of the tree.
_ParserError: type[Exception] = typer.BadParameter.__mro__[2]


def parse_and_run(command: Command, words: Sequence[str]) -> int:
    """Run a command; the exit code is returned.

    Raises:
        UsageFault: the words are not what the command takes.
        KeyboardInterrupt: Ctrl-C, whichever way Typer says it.
    """
    with quick_imports():
        function = getattr(importlib.import_module(command.module), command.function)
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command(help=function.__doc__)(_guarded(function))
    try:
        code = app(args=list(words), prog_name=f"mixvllm {command.name}", standalone_mode=False)
    except _ParserError as error:
        raise UsageFault(_sentence(error), hint=f"see `mixvllm {command.name} --help`") from None
    except typer.Abort:
        raise KeyboardInterrupt from None
    except _OutputLostError as lost:
        raise lost.reason from None
    if code == _INTERRUPTED:
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


class _OutputLostError(Exception):
    """Our output cannot be written; carried past Click, which would exit with 1 and no word."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(reason)
        self.reason = reason


def _guarded(function: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(function)
    def guarded(**arguments: Any) -> None:
        try:
            function(**arguments)
        except OSError as error:
            if output_is_lost(error):
                raise _OutputLostError(error) from None
            raise

    return guarded


def _sentence(error: Exception) -> str:
    formatted = getattr(error, "format_message", lambda: str(error))()
    text = str(formatted).rstrip(".").replace("Value error, ", "")
    return text[:1].lower() + text[1:]
