"""vLLM's Prometheus text -> the few figures that the panes show.

Names as in vLLM 0.32.0 (`v1/metrics/loggers.py`). A figure that is not exported is None. Only
the lines that are wanted reach the parser: the whole page has about 900 lines, ten count.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

_WANTED: Final = (
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
    "vllm:kv_cache_usage_perc",
    "vllm:prompt_tokens_total",
    "vllm:generation_tokens_total",
    "vllm:request_success_total",
    "vllm:time_to_first_token_seconds_sum",
    "vllm:time_to_first_token_seconds_count",
)


@dataclass(frozen=True, slots=True)
class EngineGauges:
    """One reading. Counters are totals since the engine's start; summed over engines."""

    running: float | None = None
    waiting: float | None = None
    kv_cache_usage: float | None = None  # 0 to 1, the fullest engine
    prompt_tokens: float | None = None
    generation_tokens: float | None = None
    requests_finished: float | None = None
    first_token_seconds_sum: float | None = None
    first_token_count: float | None = None


def parse_metrics(text: str) -> EngineGauges:
    """Read /metrics. Raises ValueError when a wanted line is not Prometheus text."""
    wanted = "\n".join(
        line
        for line in text.splitlines()
        if line.startswith(_WANTED) and line[len(_name(line)) :][:1] in ("{", " ")
    )
    found: dict[str, list[float]] = {}
    for family in text_string_to_metric_families(wanted + "\n"):
        for sample in family.samples:
            if math.isfinite(sample.value):  # NaN is Prometheus' word for "not known"
                found.setdefault(sample.name, []).append(float(sample.value))
    return EngineGauges(
        running=_sum(found.get("vllm:num_requests_running")),
        waiting=_sum(found.get("vllm:num_requests_waiting")),
        kv_cache_usage=max(found.get("vllm:kv_cache_usage_perc", ()), default=None),
        prompt_tokens=_sum(found.get("vllm:prompt_tokens_total")),
        generation_tokens=_sum(found.get("vllm:generation_tokens_total")),
        requests_finished=_sum(found.get("vllm:request_success_total")),
        first_token_seconds_sum=_sum(found.get("vllm:time_to_first_token_seconds_sum")),
        first_token_count=_sum(found.get("vllm:time_to_first_token_seconds_count")),
    )


def _name(line: str) -> str:
    return line.split("{", 1)[0].split(" ", 1)[0]


def _sum(values: Iterable[float] | None) -> float | None:
    return None if values is None else sum(values)


def rate(now: float | None, before: float | None, seconds: float) -> float | None:
    """Growth of a counter per second; None when unknown, or when the engine started anew."""
    if now is None or before is None or now < before or seconds <= 0:
        return None
    return (now - before) / seconds
