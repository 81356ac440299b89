"""How a command ends: every outcome becomes words for a person, or one JSON document, and a code.

The one place that catches everything: user error, bug and Ctrl-C end differently, and none
of them in a traceback, unless MIXVLLM_DEBUG asks for one.
"""

import errno
import functools
import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from mixvllm.cli.commands import Command
from mixvllm.cli.quick import quick_imports
from mixvllm.cli.streams import visible
from mixvllm.core.errors import MixvllmError, UsageFault

with quick_imports():
    import typer

_INTERRUPTED: Final = 130
# Typer ships its own copy of Click and exports of its errors only this leaf of the tree.
_ParserError: type[Exception] = typer.BadParameter.__mro__[2]


def run(command: Command, words: Sequence[str]) -> int:
    """Run one command; the exit code is returned, never raised."""
    as_json = wants_json(words)
    try:
        with quick_imports():
            function = getattr(importlib.import_module(command.module), command.function)
        app = typer.Typer(
            add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
        )
        app.command(help=function.__doc__)(_guarded(function))
        name = f"mixvllm {command.name}"
        code = app(args=list(words), prog_name=name, standalone_mode=False)
        if code == _INTERRUPTED:  # Typer's own word for Ctrl-C
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except _ParserError as error:
        return _fail(
            UsageFault(_sentence(error), hint=f"see `mixvllm {command.name} --help`"), as_json
        )
    except MixvllmError as error:
        return _fail(error, as_json)
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED
    except _OutputLostError as lost:
        raise lost.reason from None
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
    except Exception as error:
        if os.environ.get("MIXVLLM_DEBUG"):
            raise
        return _bug(error, as_json)


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
            # Of a file there would be a name; what has none is a stream of ours.
            if error.filename is None and error.errno in (errno.EPIPE, errno.ENOSPC, errno.EIO):
                raise _OutputLostError(error) from None
            raise

    return guarded


def wants_json(words: Sequence[str]) -> bool:
    """Whether JSON was asked for; needed before, or without, a successful parse."""
    options = list(words[: words.index("--")] if "--" in words else words)
    pairs = zip(options, [*options[1:], ""], strict=False)
    return any(
        word in ("--format=json", "--target=json")
        or (word in ("--format", "--target") and after == "json")
        for word, after in pairs
    )


def _sentence(error: Exception) -> str:
    formatted = getattr(error, "format_message", lambda: str(error))()
    text = str(formatted).rstrip(".")
    return text[:1].lower() + text[1:]


def _fail(error: MixvllmError, as_json: bool) -> int:
    print(f"error: {visible(str(error))}", file=sys.stderr)
    if error.hint:
        print(f"  {visible(error.hint)}", file=sys.stderr)
    if as_json:
        _print_json(error, error.exit_code, error.hint)
    return error.exit_code


def _bug(error: Exception, as_json: bool) -> int:
    where = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        where = f"{os.path.basename(code.co_filename)}:{trace.tb_lineno}"  # noqa: PTH119 - no imports in the last net
        trace = trace.tb_next
    print(f"bug in mixvllm: {type(error).__name__} at {where}", file=sys.stderr)
    print("  please report it; MIXVLLM_DEBUG=1 shows the traceback", file=sys.stderr)
    if as_json:
        _print_json(error, 70, "please report it")
    return 70


def _print_json(error: Exception, exit_code: int, hint: str) -> None:
    diagnostics = getattr(error, "diagnostics", ())
    document = {
        "format_version": 1,
        "error": {"message": str(error), "hint": hint or None, "exit_code": exit_code},
        "diagnostics": [d.as_json() for d in diagnostics],
    }
    print(json.dumps(document, indent=2))
