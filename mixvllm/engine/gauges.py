"""vLLM's counters, as rates since the last reading."""

from mixvllm.core.events import GaugesRead
from mixvllm.vllm.metrics import EngineGauges, parse_metrics, rate


class Gauges:
    """The readings of one engine; a new engine counts from 0, and needs a new one of these."""

    def __init__(self) -> None:
        self._last: tuple[float, EngineGauges] | None = None

    def read(self, at: float, text: str) -> GaugesRead:
        """What /metrics said, ``at`` seconds into the run.

        Raises ValueError when that is no Prometheus text.
        """
        read = parse_metrics(text)
        before_at, before = self._last or (at, EngineGauges())
        self._last = at, read
        seconds = at - before_at
        tokens = rate(read.generation_tokens, before.generation_tokens, seconds)
        firsts = rate(read.first_token_count, before.first_token_count, 1.0)
        waited = rate(read.first_token_seconds_sum, before.first_token_seconds_sum, 1.0)
        return GaugesRead(
            at,
            running=read.running,
            waiting=read.waiting,
            prompt_tokens_per_second=rate(read.prompt_tokens, before.prompt_tokens, seconds),
            generation_tokens_per_second=tokens,
            kv_cache_usage=read.kv_cache_usage,
            first_token_seconds=waited / firsts if waited and firsts else None,
            requests_finished=read.requests_finished,
        )
