"""A command as the JSON document of `render-cmd --format json` (docs/json.md)."""

from mixvllm.core.origin import origin_json
from mixvllm.render.command import VllmCommand


def document(command: VllmCommand) -> dict[str, object]:
    """argv, environment, the names of the secrets, and the origin of each of them."""
    origins: dict[str, object] = {}
    for piece in command.pieces[1:]:
        word = piece.words[0] if piece.words[0] != "serve" else "model"
        name = word.split("=", 1)[0]
        origins[name] = {"key": piece.key, **origin_json(piece.origin)}
    for name, origin in sorted(command.env_origins.items()):
        origins[name] = origin_json(origin)
    return {
        "format_version": 1,
        "argv": list(command.argv),
        "env": dict(sorted(command.env.items())),
        "secrets": sorted(command.secrets),
        "origins": origins,
    }
