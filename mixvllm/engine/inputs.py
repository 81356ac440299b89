"""What the machine hears: of the operator, of the engine, of its own timers.

``attempt`` says which engine it is about.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from mixvllm.core.phases import Phase


class Timer(StrEnum):
    """What the machine waits for."""

    STARTUP = "startup"  # the start takes too long
    INTERRUPT = "interrupt"  # SIGTERM during a start was lost, as vLLM does: try SIGINT
    SWEEP = "sweep"  # patience is over: end the whole family
    DEGRADED = "degraded"  # unhealthy for too long
    BACKOFF = "backoff"  # time to try again
    STABLE = "stable"  # ready long enough to forget earlier failures


@dataclass(frozen=True, slots=True)
class Go:
    """Begin."""


@dataclass(frozen=True, slots=True)
class Spawned:
    """vLLM runs under this pid."""

    attempt: int
    pid: int


@dataclass(frozen=True, slots=True)
class SpawnRefused:
    """The operating system would not start it."""

    attempt: int
    why: str


@dataclass(frozen=True, slots=True)
class PhaseReached:
    """The log marked a phase."""

    attempt: int
    phase: Phase


@dataclass(frozen=True, slots=True)
class HealthPassed:
    """/health answered 200."""

    attempt: int


@dataclass(frozen=True, slots=True)
class HealthFailed:
    """/health answered something else, or nobody listens any more. A slow answer is no failure."""

    attempt: int
    why: str


@dataclass(frozen=True, slots=True)
class CanaryPassed:
    """A real completion of the right model came back."""

    attempt: int


@dataclass(frozen=True, slots=True)
class CanaryFailed:
    """It did not."""

    attempt: int
    why: str


@dataclass(frozen=True, slots=True)
class RootExited:
    """The API server ended, with the status as :mod:`subprocess` has it."""

    attempt: int
    status: int
    why: str = ""  # the root cause, as far as the log tells
    may_pass: bool = False  # a cause that the same command may survive the next time


@dataclass(frozen=True, slots=True)
class FamilyGone:
    """No process of this attempt is left, but for those in ``left``."""

    attempt: int
    killed: int
    left: int = 0


@dataclass(frozen=True, slots=True)
class OnlyRootLeft:
    """Stopping what was up: the engine is gone, the API server waits for open connections."""

    attempt: int


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Somebody wants the end: Ctrl-C, SIGTERM, the q key."""

    by: str


@dataclass(frozen=True, slots=True)
class Elapsed:
    """A timer ran out."""

    attempt: int
    timer: Timer


Input: TypeAlias = (
    Go | Spawned | SpawnRefused | PhaseReached | HealthPassed | HealthFailed | CanaryPassed
    | CanaryFailed | RootExited | FamilyGone | OnlyRootLeft | StopAsked | Elapsed
)  # fmt: skip
