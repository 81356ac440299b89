"""How a command ends: every outcome becomes words for a person, or one JSON document, and a code.

The one place that catches everything: user error, bug and Ctrl-C end differently, and none
of them in a traceback, unless MIXVLLM_DEBUG asks for one.
"""

import errno
import importlib
import json
import os
import sys
from collections.abc import Sequence
from typing import Final

from mixvllm.cli.commands import Command
from mixvllm.cli.plain import plain_words
from mixvllm.cli.quick import quick_imports
from mixvllm.cli.streams import visible
from mixvllm.core.errors import MixvllmError

_INTERRUPTED: Final = 130


def run(command: Command, words: Sequence[str]) -> int:
    """Run one command; the exit code is returned, never raised.

    Raises:
        OSError: our output cannot be written.
    """
    as_json = wants_json(words)
    try:
        return _run(command, words)
    except MixvllmError as error:
        return _fail(error, as_json)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
    except Exception as error:
        if isinstance(error, OSError) and output_is_lost(error):
            raise
        if os.environ.get("MIXVLLM_DEBUG"):
            raise
        return _bug(error, as_json)


def output_is_lost(error: OSError) -> bool:
    """Whether it was a stream of ours: of a file there would be a name."""
    return error.filename is None and error.errno in (errno.EPIPE, errno.ENOSPC, errno.EIO)


def _run(command: Command, words: Sequence[str]) -> int:
    """Without Typer where the words are plain: with pydantic, which it stands on, importing it
    costs more than checking a profile.
    """
    words_alone = plain_words(command, words)
    if words_alone is not None:
        with quick_imports():
            module = importlib.import_module(command.plain_module)
        code: int | None = module.run_plainly(words_alone)
        if code is not None:
            return code
    from mixvllm.cli.parser import parse_and_run

    return parse_and_run(command, words)


def wants_json(words: Sequence[str]) -> bool:
    """Whether JSON was asked for; needed before, or without, a successful parse."""
    options = list(words[: words.index("--")] if "--" in words else words)
    pairs = zip(options, [*options[1:], ""], strict=False)
    return any(
        word in ("--format=json", "--target=json")
        or (word in ("--format", "--target") and after == "json")
        for word, after in pairs
    )


def _fail(error: MixvllmError, as_json: bool) -> int:
    print(f"error: {visible(str(error))}", file=sys.stderr)
    for line in error.hint.splitlines():
        print(f"  {visible(line)}", file=sys.stderr)
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
