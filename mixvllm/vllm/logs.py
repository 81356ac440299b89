"""A line of vLLM's output -> the phase it marks, or the figure it names.

Only the message is read, never file, line, level or date: those change with each release.
Phrases as logged by vLLM 0.32.0; the CUDA-only ones from its sources (`v1/worker`,
`compilation`). Process prefixes of older and data-parallel releases are accepted too.
"""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from mixvllm.core.phases import Phase
from mixvllm.vllm.complaints import PREFIX

_SHARDS: Final = re.compile(r"Loading .* checkpoint shards: +\d+% Completed \| (\d+)/(\d+)")
_GRAPHS: Final = re.compile(r"Capturing CUDA graphs.*?\| (\d+)/(\d+) ")
_KV_TOKENS: Final = re.compile(r"KV cache size: ([\d,]+) tokens")
_CONCURRENCY: Final = re.compile(r"Maximum concurrency for [\d,]+ tokens per request: ([\d.]+)x")
_WEIGHTS: Final = re.compile(r"(?:Loading weights took|Model loading took .* and) ([\d.]+) seconds")
_INIT: Final = re.compile(r"init engine \(.*\) took ([\d.]+) s")
_VERSION: Final = re.compile(r"(?:^| )version (\d+\.\d+\.\d+\S*)$")

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
    # Said when it has failed, and only of an engine process that was there: no bad settings.
    ("RuntimeError: Engine core initialization failed", Phase.ENGINE),
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


Seen: TypeAlias = PhaseSeen | Progress | Fact

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
    prefix = PREFIX.match(line)
    message = line[prefix.end() :] if prefix else line
    marks: list[Seen] = [PhaseSeen(p) for text, p in _MARKS if message.startswith(text)]
    seen = marks[:1]
    for bar, phase in _BARS:
        if found := bar.search(message):
            seen += [PhaseSeen(phase), Progress(phase, int(found[1]), int(found[2]))]
    for name, pattern in _FACTS:
        if found := pattern.search(message):
            seen.append(Fact(name, found[1]))
    return tuple(seen)
