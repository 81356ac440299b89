"""`mixvllm`: finds the command in the table, imports it alone, and runs it.

`--version` and `--help` are answered from the table before anything heavy is imported.
"""

import gc
import sys
from collections.abc import Sequence

import mixvllm
from mixvllm.cli.commands import COMMANDS, Command, find, help_text


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    words = list(sys.argv[1:] if argv is None else argv)
    first = words[0] if words else None
    if first in ("--version", "-V"):
        print(f"mixvllm {mixvllm.__version__}")
        return
    if first in ("--help", "-h", "help"):
        print(help_text(), end="")
        return
    if first is None:
        print(help_text(), end="", file=sys.stderr)
        raise SystemExit(2)
    command = find(first)
    if command is None:
        raise SystemExit(_unknown(first))
    code = _run(command, words[1:])
    gc.freeze()  # no last look at a heap that is thrown away: a fifth of a short command's CPU
    raise SystemExit(code)


def _unknown(name: str) -> int:
    import difflib

    kind = "option" if name.startswith("-") else "command"
    near = difflib.get_close_matches(name, [command.name for command in COMMANDS], n=1)
    print(f"error: there is no {kind} {name!r}", file=sys.stderr)
    meant = f"did you mean `mixvllm {near[0]}`?" if near else "`mixvllm --help` lists the commands"
    print(f"  {meant}", file=sys.stderr)
    return 2


def _run(command: Command, words: list[str]) -> int:
    from mixvllm.cli.exits import run

    return run(command, words)
