"""Faults on demand: ``NAME[=VALUE]@PHASE``, several with commas.

A fault acts in the process that owns the phase, the moment the phase begins: the API
server owns imports, args, config, app, listen and ready; EngineCore spawn, engine,
memory and warm-up; the Worker workers and weights. In ``ready`` the table says who acts.
To add one: write the function and name it with ``@fault``; its docstring is its help.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mixvllm.testing.fake_output import STDOUT, StartFailed, UsageFault, write
from mixvllm.testing.fake_script import Phase

if TYPE_CHECKING:
    from mixvllm.testing.fake_process import Process

Act: TypeAlias = "Callable[[Process, Planned], None]"
_API, _ENGINE = "APIServer", "EngineCore"

# What vLLM 0.32.0 gives as the cause when it fails in that phase; from recorded failures.
CAUSES = {
    Phase.IMPORTS: "RuntimeError: operator torchvision::nms does not exist",
    Phase.CONFIG: (
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for VllmConfig\n"
        "  Value error, Total number of attention heads (9) must be divisible by tensor parallel "
        "size (2). [type=value_error, input_value=ArgsKwargs((), {{'model_co... "
        "'shutdown_timeout': 0}}), input_type=ArgsKwargs]\n"
        "    For further information visit https://errors.pydantic.dev/2.14/v/value_error"
    ),
    Phase.SPAWN: "",  # dies without a word
    Phase.ENGINE: (
        "RuntimeError: The NVIDIA driver on your system is too old (found version 12080). Please "
        "update your GPU driver"
    ),
    Phase.WORKERS: (
        "torch.distributed.DistBackendError: NCCL error: unhandled system error, NCCL version "
        "2.28.3\nLast error:\nError while creating shared memory segment /dev/shm/nccl-Zd0AnI "
        "(size 7340384)"
    ),
    Phase.WEIGHTS: "RuntimeError: Cannot find any model weights with `{model}`",
    Phase.MEMORY: (
        "ValueError: To serve at least one request with the model's max seq len "
        "({max_model_len}), (0.18 GiB KV cache is needed, which is larger than the available KV "
        "cache memory (0.05 GiB). Based on the available memory, the estimated maximum model "
        "length is 2048. Try increasing `gpu_memory_utilization` or decreasing `max_model_len` "
        "when initializing the engine."
    ),
    Phase.WARMUP: (
        "RuntimeError: CUDA out of memory occurred when warming up sampler with 1024 dummy "
        "requests. Please try lowering `max_num_seqs` or `gpu_memory_utilization` when "
        "initializing the engine."
    ),
    Phase.APP: "jinja2.exceptions.TemplateSyntaxError: unexpected end of template",
    Phase.LISTEN: "FileNotFoundError: [Errno 2] No such file or directory",
    Phase.READY: "torch.AcceleratorError: CUDA error: an illegal memory access was encountered",
}
_OUT_OF_MEMORY = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.50 GiB. GPU 0 has a total "
    "capacity of 23.69 GiB of which 3.09 GiB is free. Including non-PyTorch memory, this process "
    "has 20.57 GiB memory in use."
)
_FLAGS = [
    "headless",
    "api-server-count",
    "config",
    "grpc",
    "lora-modules",
    "chat-template",
    "response-role",
    "tool-call-parser",
    "reasoning-parser",
    "host",
    "port",
    "uds",
    "uvicorn-log-level",
    "allowed-origins",
    "api-key",
    "ssl-keyfile",
    "ssl-certfile",
    "root-path",
    "middleware",
    "model",
    "tokenizer",
    "trust-remote-code",
    "dtype",
    "seed",
    "hf-overrides",
    "max-model-len",
    "quantization",
    "enforce-eager",
    "load-format",
    "download-dir",
    "distributed-executor-backend",
    "pipeline-parallel-size",
    "tensor-parallel-size",
    "data-parallel-size",
    "gpu-memory-utilization",
    "kv-cache-memory-bytes",
    "kv-cache-dtype",
    "block-size",
    "max-num-seqs",
    "max-num-batched-tokens",
    "compilation-config",
    "kernel-config",
    "shutdown-timeout",
    "disable-log-stats",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault. ``served_by`` is the process that acts when the phase is ready."""

    name: str
    act: Act
    served_by: str

    @property
    def summary(self) -> str:
        """One line for ``--help``."""
        return (self.act.__doc__ or "").partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault that will happen in this run."""

    fault: Fault
    value: str
    phase: Phase

    def number(self, default: float) -> float:
        """The value as a number."""
        return float(self.value) if self.value else default


FAULTS: dict[str, Fault] = {}


def fault(name: str, *, served_by: str = _API) -> Callable[[Act], Act]:
    """Enter a function into the table of faults."""

    def enter(act: Act) -> Act:
        FAULTS[name] = Fault(name, act, served_by)
        return act

    return enter


def plan(text: str) -> tuple[Planned, ...]:
    """Read ``crash=3@weights,flood@ready``. Raises ValueError that lists what there is."""
    planned = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        what, _, where = word.partition("@")
        name, _, value = what.partition("=")
        if name not in FAULTS:
            raise ValueError(f"no fault is called {name!r}; there are {', '.join(FAULTS)}")
        if where not in set(Phase):
            raise ValueError(f"{word!r} names no phase; write {name}@ and {', '.join(Phase)}")
        if value and name == "signal" and f"SIG{value}" not in signal.Signals.__members__:
            raise ValueError(f"{word!r} names no signal; write signal=KILL, SEGV, STOP ...")
        if value and name != "signal":
            float(value)
        planned.append(Planned(FAULTS[name], value, Phase(where)))
    return tuple(planned)


@fault("crash", served_by=_ENGINE)
def _crash(process: Process, planned: Planned) -> None:
    """Fails with the text vLLM has for that phase; =CODE is the exit code of the root."""
    if planned.phase is Phase.ARGS:
        flags = "\n".join(f"                     [--{f} {f.upper()}]" for f in _FLAGS)
        raise UsageFault(
            "unrecognized arguments: --no-such-flag",
            usage=f"usage: vllm serve [-h]\n{flags}\n                     [model_tag]",
        )
    settings = process.settings
    cause = CAUSES[planned.phase]
    raise StartFailed(cause.format(model=settings.model, max_model_len=settings.max_model_len))


@fault("oom", served_by=_ENGINE)
def _oom(process: Process, planned: Planned) -> None:
    """Fails for want of GPU memory, in the words of torch."""
    raise StartFailed(_OUT_OF_MEMORY)


@fault("hang")
def _hang(process: Process, planned: Planned) -> None:
    """Stops producing for ever; in ready the server accepts and never answers."""
    while True:
        time.sleep(3600)


@fault("slow")
def _slow(process: Process, planned: Planned) -> None:
    """Takes =SECONDS longer (default 5)."""
    time.sleep(planned.number(5))


@fault("flood")
def _flood(process: Process, planned: Planned) -> None:
    """Logs =LINES lines (default 20000) as fast as they are read."""
    for number in range(int(planned.number(20_000))):
        process.log("INFO", "flood.py:1", f"line {number} of a flood: {'x' * 60}")


@fault("garbage")
def _garbage(process: Process, planned: Planned) -> None:
    """Writes =BYTES bytes (default 65536) of every value but newline, and no newline."""
    every = bytes(set(range(256)) - {10, 13}) + b"\xc3\x1b["  # half of an é, half of an escape
    size = int(planned.number(65_536))
    write(STDOUT, (every * (size // len(every) + 1))[:size])


@fault("half-line")
def _half_line(process: Process, planned: Planned) -> None:
    """Dies (=CODE, default 1) in the middle of a line."""
    write(STDOUT, f"({process.name} pid={os.getpid()}) INFO 11-22 09:12:4")
    process.leave(int(planned.number(1)))


@fault("exit0")
def _exit0(process: Process, planned: Planned) -> None:
    """Exits 0 unasked, =SECONDS later (default 0), leaving its children behind."""
    process.later(planned.number(0), lambda: process.leave(0))


@fault("exit")
def _exit(process: Process, planned: Planned) -> None:
    """Exits with =CODE (default 1) without a word, leaving its children behind."""
    process.leave(int(planned.number(1)))


@fault("signal")
def _signal(process: Process, planned: Planned) -> None:
    """Sends itself =NAME (default KILL; SEGV, ABRT, ILL, STOP ...)."""
    signal.raise_signal(signal.Signals[f"SIG{planned.value or 'KILL'}"])


@fault("ignore-term")
def _ignore_term(process: Process, planned: Planned) -> None:
    """From here on SIGTERM does nothing."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    process.quirks["ignore-term"] = ""


@fault("slow-exit")
def _slow_exit(process: Process, planned: Planned) -> None:
    """After a stop, exits =SECONDS late (default 30)."""
    process.quirks["slow-exit"] = str(planned.number(30))


@fault("escape")
def _escape(process: Process, planned: Planned) -> None:
    """Leaves a grandchild in a session of its own, for =SECONDS (default 60)."""
    if (child := os.fork()) == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(planned.number(60))
        os._exit(0)
    os.waitpid(child, 0)


@fault("stalled", served_by=_ENGINE)
def _stalled(process: Process, planned: Planned) -> None:
    """Takes requests and makes no token; /health stays 200."""
    process.quirks["stalled"] = ""


@fault("gibberish", served_by=_ENGINE)
def _gibberish(process: Process, planned: Planned) -> None:
    """Answers commas, as a model does whose config.json does not fit its weights."""
    process.quirks["gibberish"] = ""


@fault("no-chat-template")
def _no_chat_template(process: Process, planned: Planned) -> None:
    """Refuses every chat with 400."""
    process.quirks["no-chat-template"] = ""


@fault("slow-health")
def _slow_health(process: Process, planned: Planned) -> None:
    """/health takes =SECONDS (default 5)."""
    process.quirks["slow-health"] = str(planned.number(5))


@fault("health-503")
def _health_503(process: Process, planned: Planned) -> None:
    """/health says 503 while everything works."""
    process.quirks["health-503"] = ""


@fault("no-metrics")
def _no_metrics(process: Process, planned: Planned) -> None:
    """/metrics says 404."""
    process.quirks["no-metrics"] = ""
