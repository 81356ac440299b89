"""A command as the JSON document of `render-cmd --format json` (docs/json.md)."""

from mixvllm.core.origin import dotted, origin_json
from mixvllm.render.command import Source, VllmCommand


def document(command: VllmCommand) -> dict[str, object]:
    """argv, environment, the names of the secrets, and the origin of each of them."""
    origins: dict[str, object] = {}
    for piece in command.pieces[1:]:
        word = piece.words[0] if piece.words[0] != "serve" else "model"
        origins[word.split("=", 1)[0]] = _source(piece.source)
    for name, source in sorted(command.env_sources.items()):
        origins[name] = _source(source)
    return {
        "format_version": 1,
        "argv": list(command.argv),
        "env": dict(sorted(command.env.items())),
        "secrets": sorted(command.secrets),
        "origins": origins,
    }


def _source(source: Source) -> dict[str, object]:
    return {
        "key": dotted(source.key),
        **origin_json(source.origin),
        "overrode": [
            {"key": dotted(lost.key), **origin_json(lost.place.value)} for lost in source.overrode
        ],
    }
