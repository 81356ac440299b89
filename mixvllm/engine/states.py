"""Where an engine's life can stand. A state holds exactly what is true in it.

Only a state with a living engine has a pid; the last one has none, and says how it ended.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from mixvllm.core.phases import Phase


class Exit(IntEnum):
    """Exit codes of `serve` (beside those that every command has)."""

    DONE = 0
    MACHINE = 3
    NEVER = 4  # this profile can never start
    GIVEN_UP = 5
    NOT_CLEAN = 6


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing was started yet."""


@dataclass(frozen=True, slots=True)
class Past:
    """What every later state knows: which engine this is, and how the others ended."""

    attempt: int = 1
    failures: int = 0  # in a row
    proven: bool = False  # one of this run's engines was ready


@dataclass(frozen=True, slots=True)
class _Begun:
    past: Past

    @property
    def attempt(self) -> int:
        """The number of this engine, or of the last one."""
        return self.past.attempt


@dataclass(frozen=True, slots=True)
class Starting(_Begun):
    """vLLM was spawned (pid None: not yet confirmed) and is not answering."""

    pid: int | None = None
    phase: Phase = Phase.IMPORTS


@dataclass(frozen=True, slots=True)
class Warming(_Begun):
    """/health is fine; our first completion is on its way."""

    pid: int
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Ready(_Begun):
    """The right model answered a real completion."""

    pid: int


@dataclass(frozen=True, slots=True)
class Degraded(_Begun):
    """It was ready, and now /health says no."""

    pid: int
    reason: str


@dataclass(frozen=True, slots=True)
class Stopping(_Begun):
    """The engine was told to end. ``failure`` says why when nobody asked us to stop."""

    pid: int | None
    failure: str | None = None
    was_up: bool = False  # it answered when it was told
    swept: bool = False


@dataclass(frozen=True, slots=True)
class Leaving(_Begun):
    """The API server is gone; the rest of its family is being cleared away."""

    status: int
    failure: str | None
    permanent: bool = False


@dataclass(frozen=True, slots=True)
class Backoff(_Begun):
    """Waiting before the next attempt."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """The end. Holds no engine."""

    code: Exit
    reason: str


State: TypeAlias = (
    Idle | Starting | Warming | Ready | Degraded | Stopping | Leaving | Backoff | Stopped
)
Living: TypeAlias = Starting | Warming | Ready | Degraded
