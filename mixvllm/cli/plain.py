"""Command lines that need no parser: options that a command declares plain, and operands.

Everything else (an abbreviation, an option of a profile key, `--help`, a fault) is Typer's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mixvllm.cli.commands import Command


@dataclass(frozen=True, slots=True)
class PlainWords:
    """What was typed: options with their values (None for a flag), and operands."""

    options: Mapping[str, str | None]
    operands: tuple[str, ...]


def plain_words(command: Command, words: Sequence[str]) -> PlainWords | None:
    """The words of a plain command line; None when it is not one."""
    if not command.plain_options:
        return None
    options: dict[str, str | None] = {}
    operands: list[str] = []
    waiting = iter(words)
    for word in waiting:
        if word == "--":
            operands.extend(waiting)
            break
        if word == "-" or not word.startswith("-"):
            operands.append(word)
            continue
        name, equals, value = word.partition("=")
        if name in options:
            return None
        if word in command.plain_flags:
            options[word] = None
        elif name in command.plain_options:
            text = value if equals else next(waiting, "-")
            allowed = command.plain_options[name]
            if (not equals and text.startswith("-")) or (allowed and text not in allowed):
                return None
            options[name] = text
        else:
            return None
    return PlainWords(options, tuple(operands)) if operands or command.bare else None
