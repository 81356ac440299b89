"""A command as text to paste into a shell.

Nothing of a profile may be read by the shell as anything but a word: values are quoted, names
are names (MX305), and what stands in a comment stays on its line.
"""

import shlex

from mixvllm.core.origin import Origin
from mixvllm.render.command import VllmCommand


def shell(command: VllmCommand, *, origins: bool = False) -> str:
    """The command, a line for each flag. Secrets appear as names that must be set, exported or
    not: they are handed on by assignments before the command, which no list of processes shows.

    With ``origins`` each line is preceded by where it came from, as comments above the command:
    a comment between continued lines would end the command.
    """
    lines: list[str] = []
    if origins:
        lines += _origins(command)
    secrets = sorted(command.secrets)
    lines += [f': "${{{name}:?is a secret: set it before}}"' for name in secrets]
    head, serve, *rest = command.pieces
    env = [f"{name}={shlex.quote(value)}" for name, value in sorted(command.env.items())]
    handed_on = [f'{name}="${name}"' for name in secrets]
    body = [
        *([" ".join(handed_on)] if handed_on else []),
        *([" ".join(["env", *env])] if env else []),
        shlex.join((*head.words, *serve.words)),
        *(shlex.join(piece.words) for piece in rest),
    ]
    lines.append(" \\\n  ".join(body))
    return "\n".join(lines) + "\n"


def _origins(command: VllmCommand) -> list[str]:
    shown: list[tuple[str, Origin]] = [
        (f"{name}=...", command.env_origins[name]) for name in sorted(command.secrets)
    ]
    shown += [(f"{n}={v}", command.env_origins[n]) for n, v in sorted(command.env.items())]
    shown += [(shlex.join(piece.words), piece.origin) for piece in command.pieces]
    lines = [(_on_one_line(text), _on_one_line(str(origin))) for text, origin in shown]
    width = min(60, max(len(text) for text, _ in lines))
    return [f"# {text:<{width}}  {origin}" for text, origin in lines]


def _on_one_line(text: str) -> str:
    """With escapes for the characters that end a line or move the cursor."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )
