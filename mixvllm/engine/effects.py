"""What the machine wants done."""

import signal
from dataclasses import dataclass
from typing import TypeAlias

from mixvllm.engine.inputs import Timer


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start vLLM."""

    attempt: int


@dataclass(frozen=True, slots=True)
class SignalRoot:
    """Send a signal to the API server."""

    signal: signal.Signals


@dataclass(frozen=True, slots=True)
class Sweep:
    """End the whole family: SIGTERM, then after ``grace`` seconds SIGKILL."""

    grace: float


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Give :class:`Elapsed` after some seconds. One of each kind runs at a time."""

    attempt: int
    timer: Timer
    seconds: float


@dataclass(frozen=True, slots=True)
class AskCanary:
    """Ask the model for one token."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Announce:
    """Say the state, as product and metrics name it."""

    state: str
    reason: str = ""


Effect: TypeAlias = Spawn | SignalRoot | Sweep | StartTimer | AskCanary | Announce
