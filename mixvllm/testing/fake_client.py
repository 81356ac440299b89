"""The API server's end of EngineCore: sends requests, hands out tokens, counts, notices death."""

import asyncio
import itertools
import time
from dataclasses import dataclass, field

from mixvllm.testing.fake_metrics import Metrics
from mixvllm.testing.fake_wire import Channel, Message, Token

DEAD = "EngineCore encountered an issue. See stack trace (above) for the root cause."
DRAINING = "cannot schedule new futures after shutdown"


class EngineDeadError(Exception):
    """The engine is gone; running and new requests end with ``DEAD``."""


@dataclass(slots=True)
class Wanted:
    """What one sequence asks of the engine."""

    prompt: str
    prompt_tokens: int
    limit: int
    ignore_eos: bool
    stop: list[str]


@dataclass(slots=True)
class Running:
    """One sequence under way. Its tokens arrive in ``inbox``, None when the engine has died."""

    index: int  # which choice of the request it is
    wanted: Wanted
    inbox: "asyncio.Queue[tuple[int, Token] | None]"
    begun: float
    scheduled: float = 0.0
    first: float = 0.0
    last: float = 0.0
    tokens: int = 0


@dataclass(slots=True)
class EngineClient:
    """All sequences of one engine."""

    channel: Channel
    metrics: Metrics
    dead: bool = False
    draining: bool = False  # a stop was asked for: running requests go on, new ones are refused
    stopping_heard: bool = False  # the engine has answered a SIGTERM: it is not frozen
    bye: asyncio.Event = field(default_factory=asyncio.Event)
    running: dict[int, Running] = field(default_factory=dict)
    _ids: "itertools.count[int]" = field(default_factory=itertools.count)

    def submit(
        self, wanted: Wanted, index: int, inbox: "asyncio.Queue[tuple[int, Token] | None]"
    ) -> int:
        """Send one sequence to the engine. Returns its number. Raises EngineDeadError."""
        if self.dead:
            raise EngineDeadError
        number = next(self._ids)
        self.running[number] = Running(index, wanted, inbox, time.monotonic())
        self.channel.send(
            {
                "op": "add",
                "id": number,
                "prompt": wanted.prompt,
                "prompt_tokens": wanted.prompt_tokens,
                "limit": wanted.limit,
                "ignore_eos": wanted.ignore_eos,
                "stop": wanted.stop,
            }
        )
        return number

    def abort(self, number: int) -> None:
        """Forget a sequence whose client has gone; nothing when it has finished."""
        if self.running.pop(number, None) is not None:
            self.channel.send({"op": "abort", "id": number})
            self.metrics.split["request_success"]["abort"] += 1

    def fail_all(self) -> None:
        """Tell every running request that the engine is dead."""
        for sequence in self.running.values():
            sequence.inbox.put_nowait(None)
            self.metrics.split["request_success"]["error"] += 1
        self.running.clear()

    def receive(self) -> None:
        """Take in what the engine has sent."""
        for message in self.channel.receive():
            match message["op"]:
                case "out":
                    self._take(message)
                case "dead":
                    self.dead = True
                case "stopping":
                    self.stopping_heard = True
                case "bye":
                    self.bye.set()

    def _take(self, message: Message) -> None:
        metrics = self.metrics
        tokens = message["tokens"]
        metrics.gauges["num_requests_running"] = message["running"]
        metrics.gauges["num_requests_waiting"] = message["waiting"]
        metrics.gauges["kv_cache_usage_perc"] = message["kv_usage"]
        if tokens:
            metrics.observe("iteration_tokens_total", message["prefill_tokens"] + len(tokens))
            metrics.counters["generation_tokens"] += len(tokens)
        now = time.monotonic()
        for token in tokens:
            if (sequence := self.running.get(token["id"])) is None:
                continue
            self._time(sequence, token, now)
            sequence.inbox.put_nowait((sequence.index, token))
            if token["finish_reason"]:
                del self.running[token["id"]]
                self._finish(sequence, token["finish_reason"])

    def _time(self, sequence: Running, token: Token, now: float) -> None:
        metrics, prompt = self.metrics, sequence.wanted.prompt_tokens
        if sequence.tokens:
            metrics.observe("inter_token_latency_seconds", now - sequence.last)
        else:
            sequence.scheduled, sequence.first = token["scheduled_at"], now
            metrics.counters["prompt_tokens"] += prompt
            metrics.counters["prefix_cache_queries"] += prompt
            metrics.split["prompt_tokens_by_source"]["local_compute"] += prompt
            metrics.observe("time_to_first_token_seconds", now - sequence.begun)
        sequence.last = now
        sequence.tokens += 1

    def _finish(self, sequence: Running, reason: str) -> None:
        metrics, wanted = self.metrics, sequence.wanted
        decode = sequence.last - sequence.first
        metrics.split["request_success"][reason] += 1
        for name, value in (
            ("request_prompt_tokens", wanted.prompt_tokens),
            ("request_prefill_kv_computed_tokens", wanted.prompt_tokens),
            ("request_generation_tokens", sequence.tokens),
            ("request_max_num_generation_tokens", sequence.tokens),
            ("request_params_max_tokens", wanted.limit),
            ("request_params_n", 1),
            ("request_num_preemptions", 0),
            ("e2e_request_latency_seconds", sequence.last - sequence.begun),
            ("request_queue_time_seconds", sequence.scheduled - sequence.begun),
            ("request_prefill_time_seconds", sequence.first - sequence.scheduled),
            ("request_decode_time_seconds", decode),
            ("request_inference_time_seconds", sequence.last - sequence.scheduled),
            ("request_time_per_output_token_seconds", decode / max(1, sequence.tokens - 1)),
        ):
            metrics.observe(name, value)
