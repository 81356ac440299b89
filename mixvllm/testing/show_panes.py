"""A scripted run on a made-up machine, for looking at the panes by eye.

``python -m mixvllm.testing.show_panes`` plays it in this terminal; with ``--svg FILE`` it
writes one picture of it instead: ``--state starting|ready|failed --size 100x30``.
"""

import argparse
import asyncio
import contextlib
import io
import math
import os
import signal
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from mixvllm.core.board import Board, Run, fold, fold_all
from mixvllm.core.events import (
    CardSampled,
    EngineExited,
    EngineSpawned,
    Event,
    FactLearned,
    GaugesRead,
    HealthSeen,
    LineLogged,
    MachineSampled,
    PhaseEntered,
    PhaseProgressed,
    StateChanged,
)
from mixvllm.core.phases import Phase
from mixvllm.panes.choice import open_sink
from mixvllm.panes.live import Live
from mixvllm.panes.sink import Key
from mixvllm.panes.view import picture
from mixvllm.testing.screenshot import svg

GIB = 2**30
RUN = Run(
    name="llama-8b",
    model="meta-llama/Llama-3.1-8B-Instruct",
    profile="profiles/llama.yaml",
    url="http://127.0.0.1:8000",
    release="0.32.0",
    log_file="logs/llama-8b/engine.log",
    began=datetime(2026, 11, 22, 9, 12, 13, tzinfo=UTC),
)
STARTS = {
    Phase.IMPORTS: 0.4,
    Phase.CONFIG: 11.6,
    Phase.ENGINE: 12.9,
    Phase.WEIGHTS: 25.7,
    Phase.WARMUP: 42.3,
    Phase.SERVING: 49.8,
    Phase.CANARY: 52.1,
}
READY = 53.0
SHARDS = 30
WATCHED = 120  # seconds after ready


def _log(at: float, who: str, where: str, text: str, level: str = "INFO") -> LineLogged:
    clock = 9 * 3600 + 12 * 60 + 13 + int(at)
    time = f"{clock // 3600:02}:{clock // 60 % 60:02}:{clock % 60:02}"
    return LineLogged(at, f"({who} pid=14256) {level} 11-22 {time} [{where}] {text}")


def _sample(at: float, *, gib: float, util: int, watts: float) -> MachineSampled:
    card = CardSampled(
        index=0,
        name="NVIDIA H100 80GB HBM3",
        memory_used_bytes=int(gib * GIB),
        memory_total_bytes=int(79.2 * GIB),
        utilization_percent=util,
        temperature_celsius=41 + util // 5,
        power_watts=watts,
        power_limit_watts=700.0,
    )
    return MachineSampled(at, cards=(card,))


def _starting() -> Iterator[Event]:
    yield StateChanged(0.1, "starting", "")
    yield EngineSpawned(0.3, 14256, 1, ("vllm", "serve", RUN.model))
    for phase, at in STARTS.items():
        yield PhaseEntered(at, phase)
    yield _log(11.6, "APIServer", "model.py:733", "Resolved architecture: LlamaForCausalLM")
    yield _log(11.9, "APIServer", "model.py:2152", "Using max model len 32768")
    yield _log(12.9, "EngineCore", "core.py:133", "Initializing a V1 LLM engine (v0.32.0)")
    yield _log(25.7, "Worker", "gpu_model_runner.py:68", f"Starting to load model {RUN.model}...")
    for shard in range(1, SHARDS + 1):
        at = STARTS[Phase.WEIGHTS] + 16 * shard / SHARDS
        done = 100 * shard // SHARDS
        text = f"Loading safetensors checkpoint shards: {done:3}% Completed | {shard}/{SHARDS}"
        yield LineLogged(at, f"(Worker pid=14311) {text}")
        yield PhaseProgressed(at, Phase.WEIGHTS, shard, SHARDS)
    yield _log(42.3, "Worker", "default_loader.py:501", "Loading weights took 16.02 seconds")
    yield _log(44.0, "EngineCore", "kv_cache_utils.py:2327", "GPU KV cache size: 442,368 tokens")
    yield FactLearned(44.0, "kv_tokens", "442 368")
    yield _log(49.9, "APIServer", "entry.py:140", "Starting vLLM server on http://127.0.0.1:8000")
    for second in range(1, int(READY)):
        gib = min(70.1, 0.6 + max(0.0, second - 26) * 1.8)
        yield _sample(second, gib=gib, util=4 if second > 26 else 0, watts=71 + gib)


def _serving() -> Iterator[Event]:
    yield StateChanged(READY, "ready", "")
    yield HealthSeen(READY, True, "")
    for second in range(WATCHED):
        at = READY + second
        rate = max(0.0, 412 + 300 * math.sin(second / 6) * math.sin(second / 17))
        yield GaugesRead(
            at,
            running=3 + second // 20,
            waiting=0,
            prompt_tokens_per_second=rate * 2.9,
            generation_tokens_per_second=rate,
            kv_cache_usage=0.05 + second / 400,
            first_token_seconds=0.084,
            requests_finished=second * 3,
        )
        yield _sample(at, gib=70.1, util=min(99, int(rate / 7)), watts=300 + rate / 2)
        yield LineLogged(
            at, '(APIServer pid=14256) INFO:     127.0.0.1:52410 - "POST /v1/chat/completions" 200'
        )


def _failing() -> Iterator[Event]:
    at = STARTS[Phase.WARMUP] + 1.7
    yield _log(
        at,
        "EngineCore",
        "core.py:1208",
        "ValueError: To serve at least one request with the models's max seq len (131072), "
        "16.00 GiB KV cache is needed, which is larger than the available 4.50 GiB.",
        "ERROR",
    )
    yield EngineExited(at + 2, 1, asked=False, killed=0)
    reason = "one request of 131 072 tokens needs 16.0 GiB of KV cache, 4.5 GiB are free"
    yield StateChanged(at + 2.1, "failed", reason)


def script(ending: str = "ready") -> list[Event]:
    """The events of a run that is still ``starting``, gets ``ready``, or has ``failed``."""
    events = sorted(_starting(), key=lambda event: event.at)
    if ending == "starting":
        return [event for event in events if event.at < STARTS[Phase.WEIGHTS] + 7]
    if ending == "failed":
        return [event for event in events if event.at < STARTS[Phase.WARMUP] + 1.7] + list(
            _failing()
        )
    return events + list(_serving())


def write_svg(path: Path, ending: str, width: int, height: int) -> None:
    """One picture of the run's end, as a terminal would show it."""
    board = fold_all(Board(RUN), script(ending))
    console = Console(
        width=width, file=(ansi := io.StringIO()), force_terminal=True, color_system="standard"
    )
    console.print(picture(board, now=board.last, width=width, height=height))
    path.write_text(svg(ansi.getvalue(), f"mixvllm serve {RUN.profile}"), encoding="utf-8")


async def play(events: list[Event], *, speed: float, json_lines: bool, color: bool) -> None:
    """The run in this terminal, ``speed`` times as fast; panes stay until `q` is pressed."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    sink = open_sink(
        json_lines=json_lines,
        color=color,
        environ=os.environ,
        loop=loop,
        on_key=lambda key: stop.set() if key is Key.STOP else None,
    )
    loop.add_signal_handler(signal.SIGINT, stop.set)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    board = Board(RUN)
    begun = loop.time()
    waiting = deque(events)
    try:
        while (waiting or isinstance(sink, Live)) and not stop.is_set():
            now = (loop.time() - begun) * speed
            while waiting and waiting[0].at <= now:
                event = waiting.popleft()
                board = fold(board, event)
                sink.tell(event, board)
            sink.draw(board, now)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.25)
    finally:
        if stop.is_set():
            event = StateChanged(board.last, "stopped", "")
            board = fold(board, event)
            sink.tell(event, board)
        sink.close(board)


def main() -> None:
    """Play the run, or write one picture of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--svg", type=Path, help="write one picture to this file")
    parser.add_argument("--state", choices=("starting", "ready", "failed"), default="ready")
    parser.add_argument("--size", default="100x30", help="columns x rows of the picture")
    parser.add_argument("--speed", type=float, default=4.0)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--no-color", action="store_true")
    asked = parser.parse_args()
    if asked.svg is not None:
        width, height = map(int, asked.size.split("x"))
        write_svg(asked.svg, asked.state, width, height)
        return
    asyncio.run(
        play(
            script(asked.state),
            speed=asked.speed,
            json_lines=asked.format == "json",
            color=not asked.no_color,
        )
    )


if __name__ == "__main__":
    main()
