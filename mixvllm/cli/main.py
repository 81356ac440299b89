"""`mixvllm`: finds the command in the table, imports it alone, and runs it.

`--version` and `--help` are answered from the table before anything heavy is imported.
"""

import gc
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import mixvllm
from mixvllm.cli.commands import COMMANDS, Command, find, help_text
from mixvllm.cli.streams import forget_stdout, open_streams

BEGAN: Final = time.perf_counter()  # what an operator waits for includes the imports


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    open_streams()
    try:
        code = _dispatch(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, e.g. `head`, has what it wanted
        forget_stdout()
        code = 0
    except OSError as error:
        forget_stdout()
        with suppress(OSError):  # standard error may be the one that is full
            print(f"error: the output cannot be written: {error.strerror}", file=sys.stderr)
        code = 3
    gc.freeze()  # no last look at a heap that is thrown away: a fifth of a short command's CPU
    raise SystemExit(code)


def _dispatch(words: list[str]) -> int:
    first = words[0] if words else None
    if first in ("--version", "-V"):
        print(f"mixvllm {mixvllm.__version__}")
        return 0
    if first in ("--help", "-h", "help"):
        print(help_text(), end="")
        return 0
    if words[:2] == ["completion", "--words"]:
        from mixvllm.cli.shells.offers import answer

        return answer(words[2:])
    if first is None:
        print(help_text(), end="", file=sys.stderr)
        return 2
    command = find(first)
    return _unknown(first) if command is None else _run(command, words[1:])


def _unknown(name: str) -> int:
    import difflib

    kind = "option" if name.startswith("-") else "command"
    near = difflib.get_close_matches(name, [command.name for command in COMMANDS], n=1)
    print(f"error: there is no {kind} {name!a}", file=sys.stderr)
    meant = f"did you mean `mixvllm {near[0]}`?" if near else "`mixvllm --help` lists the commands"
    print(f"  {meant}", file=sys.stderr)
    return 2


def _run(command: Command, words: list[str]) -> int:
    from mixvllm.cli.exits import run

    return run(command, words)
