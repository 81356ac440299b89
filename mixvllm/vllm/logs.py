"""A line of vLLM's output -> the phase it marks, or the figure it names.

Only the message is read, never file, line, level or date: those change with each release.
Phrases as logged by vLLM 0.32.0; the CUDA-only ones from its sources (`v1/worker`,
`compilation`). Process prefixes of older and data-parallel releases are accepted too.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from mixvllm.core.phases import Phase

_PREFIX: Final = re.compile(
    r"(?:\((?P<process>[\w-]+(?: rank=\d+)?) pid=\d+\) )?"
    r"(?:(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL) \d\d-\d\d \d\d:\d\d:\d\d (?:\.\d+ )?"
    r"\[[^\]]*\] ?)?"
)
_SHARDS: Final = re.compile(r"Loading .* checkpoint shards: +\d+% Completed \| (\d+)/(\d+)")
_GRAPHS: Final = re.compile(r"Capturing CUDA graphs.*?\| (\d+)/(\d+) ")
_KV_TOKENS: Final = re.compile(r"KV cache size: ([\d,]+) tokens")
_CONCURRENCY: Final = re.compile(r"Maximum concurrency for [\d,]+ tokens per request: ([\d.]+)x")
_WEIGHTS: Final = re.compile(r"(?:Loading weights took|Model loading took .* and) ([\d.]+) seconds")
_INIT: Final = re.compile(r"init engine \(.*\) took ([\d.]+) s")
_VERSION: Final = re.compile(r"(?:^| )version (\d+\.\d+\.\d+\S*)$")
_BENEATH: Final = re.compile(r"(?:\w+\.)*\w*(?:Error|Exception|Interrupt): \S")

# The beginning of a message -> the phase that it opens. The first that fits counts.
_MARKS: Final[tuple[tuple[str, Phase], ...]] = (
    ("non-default args:", Phase.CONFIG),
    ("Resolved architecture:", Phase.CONFIG),
    ("Using max model len", Phase.CONFIG),
    ("Initializing a V1 LLM engine", Phase.ENGINE),
    ("Starting to load model", Phase.WEIGHTS),
    ("Loading weights took", Phase.WARMUP),
    ("Model loading took", Phase.WARMUP),
    ("Starting torch.compile", Phase.WARMUP),
    ("Dynamo bytecode transform time", Phase.WARMUP),
    ("Available KV cache memory", Phase.WARMUP),
    ("init engine (", Phase.SERVING),
    ("Supported tasks:", Phase.SERVING),
    ("Starting vLLM server on", Phase.SERVING),
)


@dataclass(frozen=True, slots=True)
class PhaseSeen:
    """The start reached a phase."""

    phase: Phase


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` steps of a phase."""

    phase: Phase
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure that the log names."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error line of the log. ``process`` is "" for a bare traceback."""

    process: str
    message: str


Seen: TypeAlias = PhaseSeen | Progress | Fact | Complaint

_FACTS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("kv_tokens", _KV_TOKENS),
    ("max_concurrency", _CONCURRENCY),
    ("weights_seconds", _WEIGHTS),
    ("init_seconds", _INIT),
    ("version", _VERSION),
)
_BARS: Final[tuple[tuple[re.Pattern[str], Phase], ...]] = (
    (_SHARDS, Phase.WEIGHTS),
    (_GRAPHS, Phase.WARMUP),
)


def read_line(line: str) -> tuple[Seen, ...]:
    """What a line says. Most lines say nothing."""
    prefix = _PREFIX.match(line)
    message = line[prefix.end() :] if prefix else line
    marks: list[Seen] = [PhaseSeen(p) for text, p in _MARKS if message.startswith(text)]
    seen = marks[:1]
    for bar, phase in _BARS:
        if found := bar.search(message):
            seen += [PhaseSeen(phase), Progress(phase, int(found[1]), int(found[2]))]
    for name, pattern in _FACTS:
        if found := pattern.search(message):
            seen.append(Fact(name, found[1]))
    level = prefix["level"] if prefix else None
    bare = level is None and _BENEATH.match(message)
    if level in ("ERROR", "CRITICAL") or bare or message.startswith("vllm: error:"):
        seen.append(Complaint((prefix["process"] if prefix else "") or "", message.strip()))
    return tuple(seen)


def root_cause(complaints: list[Complaint]) -> str | None:
    """The complaint that most likely is the cause: the deepest process's last exception.

    The last line of all is never the cause ("Engine core initialization failed. See root cause
    above."): it is the API server's own. Depth: worker, then engine, then API server.
    """
    depth: tuple[Callable[[str], bool], ...] = (
        lambda name: "Worker" in name,
        lambda name: name.startswith("EngineCore"),
        lambda name: True,
    )
    for is_here in depth:
        here = [c.message for c in complaints if is_here(c.process)]
        named = [m for m in here if _BENEATH.match(m) and "See root cause above" not in m]
        if named:
            return named[-1]
    plain = [c.message for c in complaints if c.message]
    return plain[-1] if plain else None
