"""What a supervisor hears about its engine, as values.

In order: `Started` or `SpawnFailed`; then `Output`, `Dropped` and `LogTrouble` at any time;
`Exited` when vLLM's first process has ended, though others may live; `Gone` when nobody of
the family lives, always last. `KeeperLost` may come at any time; `Gone` follows it, too.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from mixvllm.engine import wire


@dataclass(frozen=True, slots=True)
class Started:
    """vLLM runs: its first process, which also leads its session. ``start`` in clock ticks."""

    pid: int
    start: int


@dataclass(frozen=True, slots=True)
class SpawnFailed:
    """The command could not be started; ``message`` is a sentence for the operator."""

    errno: int
    message: str


@dataclass(frozen=True, slots=True)
class Output:
    """Bytes that vLLM wrote to stdout or stderr; a piece may end anywhere."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Dropped:
    """We were too slow for these; the log file has them. They came before the next Output."""

    bytes: int
    lines: int


@dataclass(frozen=True, slots=True)
class LogTrouble:
    """The log file cannot be written (an errno), or can again (None, and what it lacks).

    ETIMEDOUT: the disk does not move. With an errno, ``lost_bytes`` is what is lost so far:
    0 when only the rotation failed.
    """

    errno: int | None
    lost_bytes: int


@dataclass(frozen=True, slots=True)
class Exited:
    """vLLM's first process has ended. ``status`` as in :mod:`subprocess`: -9 is SIGKILL.

    ``cpu_seconds`` is what it used, with those of its children that it waited for. None when
    somebody else reaped it.
    """

    status: int
    cpu_seconds: float | None


@dataclass(frozen=True, slots=True)
class Gone:
    """The family has ended: how many had to be killed, and the pids that nobody can kill."""

    killed: int
    left: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeeperLost:
    """The keeper itself has ended, with this status; ``detail`` is what it wrote to stderr."""

    status: int
    detail: str


Message: TypeAlias = (
    Started | SpawnFailed | Output | Dropped | LogTrouble | Exited | Gone | KeeperLost
)

_BY_LETTER: Final[dict[bytes, Callable[..., Message]]] = {
    wire.STARTED: Started,
    wire.FAILED: SpawnFailed,
    wire.DROPPED: Dropped,
    wire.TROUBLE: LogTrouble,
    wire.EXITED: Exited,
}


def parse(datagram: bytes) -> Message:
    """One datagram of a keeper. Raises KeyError or TypeError: not one of ours."""
    kind, rest = datagram[:1], datagram[1:]
    if kind == wire.OUTPUT:
        return Output(rest)
    fields = json.loads(rest)
    if kind == wire.GONE:
        return Gone(fields["killed"], tuple(fields["left"]))
    return _BY_LETTER[kind](**fields)
