"""What to start: the one value that a supervisor hands to a keeper."""

import json
from collections.abc import Mapping
from typing import NamedTuple


class EngineSpec(NamedTuple):
    """One engine. A named tuple and no dataclass: `dataclasses` costs a keeper 8 ms and 1 MB.

    ``name`` is what ``ps`` shows. ``env`` is the whole environment, nothing is inherited.
    Relative paths are relative to where the supervisor is. The log is rotated before it
    outgrows ``max_bytes`` (0: never), with ``keep`` older files beside it. When vLLM's first
    process has ended, the others get ``grace_seconds`` to follow before they are killed; when
    it is the supervisor that has ended, they get as much, but 3 s at the most. ``holds`` are
    descriptors of the supervisor that the keeper has open, too, for as long as it lives.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    log_path: str
    max_bytes: int = 50 * 1024 * 1024
    keep: int = 5
    grace_seconds: float = 7.0
    holds: tuple[int, ...] = ()

    def encode(self) -> bytes:
        """As JSON. Names that are no UTF-8 (surrogate escapes) survive."""
        return json.dumps({**self._asdict(), "env": dict(self.env)}).encode()


def decode(text: bytes) -> EngineSpec:
    """Undo :meth:`EngineSpec.encode`."""
    fields = json.loads(text)
    whole = {name: tuple(fields[name]) for name in ("argv", "holds")}
    return EngineSpec(**{**fields, **whole})
