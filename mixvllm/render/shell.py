"""A command as text to paste into a shell.

Nothing of a profile may be read by the shell as anything but a word: values are quoted, names
are names (MX305), and what stands in a comment stays on its line. Nor may it be read by what
stands before the shell when the text is pasted: a terminal and a line editor take a tab, an
escape or a line's end for a key that was pressed, so such characters are written as `printf`
spells them, which bash and every sh understand.
"""

import shlex
import sys
from collections.abc import Iterable

from mixvllm.render.command import Source, VllmCommand


def shell(command: VllmCommand, *, origins: bool = False, columns: int | None = None) -> str:
    """The command, a line for each flag. Secrets appear as names that must be set, exported or
    not: they are handed on by assignments before the command, which no list of processes shows.
    One that is not set stops the command itself, in a prompt too, where a failed line before it
    would not.

    With ``origins`` each line is preceded by where it came from, as comments above the command:
    a comment between continued lines would end the command. Where they would not fit in so many
    ``columns``, the origin stands on a line of its own.
    """
    lines: list[str] = []
    if origins:
        lines += _origins(command, columns)
    secrets = sorted(command.secrets)
    head, serve, *rest = command.pieces
    env = [f"{name}={_quoted(value)}" for name, value in sorted(command.env.items())]
    body = [
        *(f'{name}="${{{name}:?is a secret: set it before}}"' for name in secrets),
        *([" ".join(["env", *env])] if env else []),
        _joined((*head.words, *serve.words)),
        *(_joined(piece.words) for piece in rest),
    ]
    lines.append(" \\\n  ".join(body))
    return "\n".join(lines) + "\n"


def _joined(words: Iterable[str]) -> str:
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    r"""A word for the shell: ``--name="$(printf 'a\011b')"`` where not all of it can be shown."""
    if word.isprintable():
        return shlex.quote(word)
    name, equals, value = word.partition("=")
    if not (equals and name.startswith("--") and name.isprintable()):
        name, equals, value = "", "", word
    kept = value.rstrip("\n")  # the shell takes line ends off the end of what a command says
    ends = value[len(kept) :]
    said = "".join(c if _is_plain(c) else _octal(c) for c in kept)
    if said.startswith("-"):
        said = f"{_octal('-')}{said[1:]}"  # no option of printf
    ends = f"'{ends}'" if ends else ""
    return f"{shlex.quote(name) if name else ''}{equals}\"$(printf '{said}')\"{ends}"


def _is_plain(character: str) -> bool:
    """Whether it means nothing to printf, nor to a shell that looks for ``!`` in double quotes."""
    return character.isprintable() and character not in "'\\%!\"$`"


def _octal(character: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in character.encode())


def _origins(command: VllmCommand, columns: int | None) -> list[str]:
    shown: list[tuple[str, Source]] = [
        (f"{name}=...", command.env_sources[name]) for name in sorted(command.secrets)
    ]
    shown += [(f"{n}={v}", command.env_sources[n]) for n, v in sorted(command.env.items())]
    shown += [(shlex.join(piece.words), piece.source) for piece in command.pieces]
    lines = [(_on_one_line(text), _on_one_line(_in_words(source))) for text, source in shown]
    room = sys.maxsize if columns is None else columns - len("#   ")
    fitting = [len(text) for text, origin in lines if len(text) + len(origin) <= room]
    width = min(60, max(fitting, default=0))
    return [
        f"# {text:<{width}}  {origin}"
        if max(width, len(text)) + len(origin) <= room
        else f"# {text}\n#     {origin}"
        for text, origin in lines
    ]


def _in_words(source: Source) -> str:
    """``--port, over qwen.yaml:3:9``."""
    over = ", ".join(str(lost.place.value) for lost in source.overrode)
    return f"{source.origin}, over {over}" if over else str(source.origin)


def _on_one_line(text: str) -> str:
    """With escapes for the characters that end a line or move the cursor."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )
