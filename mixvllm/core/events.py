"""What happens in a run, as frozen values in one order.

``at`` is in seconds of a monotonic clock that started with the supervisor; wall-clock
time is added only where an event is written down. Siblings of the imperative shell
(engine, panes, ops) talk through these and through nothing else.
"""

from dataclasses import dataclass
from typing import TypeAlias

from mixvllm.core.phases import Phase


@dataclass(frozen=True, slots=True)
class EngineSpawned:
    """A vLLM process was started; ``attempt`` counts from 1."""

    at: float
    pid: int
    attempt: int
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PhaseEntered:
    """vLLM's start-up reached a phase."""

    at: float
    phase: Phase


@dataclass(frozen=True, slots=True)
class PhaseProgressed:
    """Progress inside a phase, e.g. 12 of 30 weight files."""

    at: float
    phase: Phase
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class FactLearned:
    """vLLM's log named a figure worth keeping, e.g. ``kv_tokens`` = "48,000"."""

    at: float
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class LineLogged:
    """A line of vLLM's output, control characters made visible."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class OutputSkipped:
    """Lines that were not shown because a reader was too slow, or not written (disk full)."""

    at: float
    lines: int
    why: str


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The engine's state as product and metrics name it: starting, ready, stopping ..."""

    at: float
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class HealthSeen:
    """The answer of /health: fine, or why not."""

    at: float
    healthy: bool
    detail: str


@dataclass(frozen=True, slots=True)
class GaugesRead:
    """Figures from vLLM's /metrics; None is "not exported".

    Rates are per second over the time since the last reading; ``kv_cache_usage`` is 0 to 1.
    """

    at: float
    running: float | None = None
    waiting: float | None = None
    prompt_tokens_per_second: float | None = None
    generation_tokens_per_second: float | None = None
    kv_cache_usage: float | None = None
    first_token_seconds: float | None = None
    requests_finished: float | None = None


@dataclass(frozen=True, slots=True)
class CardSampled:
    """One GPU at one moment; None is "the card cannot say"."""

    index: int
    name: str
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    utilization_percent: int | None
    temperature_celsius: int | None
    power_watts: float | None
    power_limit_watts: float | None


@dataclass(frozen=True, slots=True)
class MachineSampled:
    """What the engine uses of this machine: its cards, or CPU and memory where there are none."""

    at: float
    cards: tuple[CardSampled, ...] = ()
    engine_cpu_percent: float | None = None  # 100 is one core
    engine_memory_bytes: int | None = None
    memory_total_bytes: int | None = None
    cores: int | None = None


@dataclass(frozen=True, slots=True)
class EngineExited:
    """The engine and all its descendants are gone. ``status`` as in :mod:`subprocess`."""

    at: float
    status: int
    asked: bool
    killed: int  # how many processes had to be killed


@dataclass(frozen=True, slots=True)
class Noted:
    """A sentence for the operator that is none of the above."""

    at: float
    text: str


Event: TypeAlias = (
    EngineSpawned
    | PhaseEntered
    | PhaseProgressed
    | FactLearned
    | LineLogged
    | OutputSkipped
    | StateChanged
    | HealthSeen
    | GaugesRead
    | MachineSampled
    | EngineExited
    | Noted
)
