"""A command as text to paste into a shell."""

import shlex

from mixvllm.core.origin import Origin
from mixvllm.render.command import VllmCommand


def shell(command: VllmCommand, *, origins: bool = False) -> str:
    """The command, a line for each flag. Secrets appear as names that must be in the environment.

    With ``origins`` each line is preceded by where it came from, as comments above the command:
    a comment between continued lines would end the command.
    """
    lines: list[str] = []
    if origins:
        lines += _origins(command)
    for name in sorted(command.secrets):
        lines.append(f': "${{{name}:?set it: {command.env_origins[name]} names the secret}}"')
    head, serve, *rest = command.pieces
    env = [f"{name}={shlex.quote(value)}" for name, value in sorted(command.env.items())]
    words = [*(["env"] if env else []), *env]
    first = [*([" ".join(words)] if words else []), shlex.join((*head.words, *serve.words))]
    body = [*first, *(shlex.join(piece.words) for piece in rest)]
    lines.append(" \\\n  ".join(body))
    return "\n".join(lines) + "\n"


def _origins(command: VllmCommand) -> list[str]:
    shown: list[tuple[str, Origin]] = [
        (f"{name}=...", command.env_origins[name]) for name in sorted(command.secrets)
    ]
    shown += [(f"{n}={v}", command.env_origins[n]) for n, v in sorted(command.env.items())]
    shown += [(shlex.join(piece.words), piece.origin) for piece in command.pieces]
    width = min(60, max(len(text) for text, _ in shown))
    return [f"# {text:<{width}}  {origin}" for text, origin in shown]
