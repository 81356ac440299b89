"""One process of the fake engine: its name in the log, its clock, its faults, its children."""

import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

from mixvllm.testing import fake_script
from mixvllm.testing.fake_output import STDERR, STDOUT, write
from mixvllm.testing.fake_script import Line, Phase
from mixvllm.testing.fake_settings import Settings

_AS_VLLM = {"max_new_tokens": "max_tokens"}  # what vLLM calls a key of generation_config.json


class Process:
    """What the API server, EngineCore and the Workers have in common.

    ``quirks`` are the faults that last: a name, and the value it was given.
    """

    def __init__(self, name: str, settings: Settings, born: float, *, rank: int = 0) -> None:
        self.name = name
        self.settings = settings
        self.born = born  # time.monotonic() when the first process began
        self.rank = rank
        self.quirks: dict[str, str] = {}
        self.later: Callable[[float, Callable[[], None]], object] = _wait_and_call
        self._logger = STDERR if settings.logger_to_stderr else STDOUT

    # the log

    def log(self, level: str, source: str, text: str) -> None:
        """Through vLLM's logger: each line of the text with the whole prefix."""
        stamp = time.strftime("%m-%d %H:%M:%S")
        head = f"({self.name} pid={os.getpid()}) {level} {stamp} [{source}] "
        write(self._logger, "".join(f"{head}{line}\n" for line in text.split("\n")))

    def say(self, line: Line, *, seconds: float = 0.0) -> None:
        """A line of the script, with its fields filled in."""
        settings = self.settings
        text = line.text.format(
            args=settings.shown(),
            address=settings.address,
            architecture=settings.shape.architecture,
            concurrency=settings.kv_tokens / settings.max_model_len,
            kv_tokens=settings.kv_tokens,
            max_model_len=settings.max_model_len,
            model=settings.model,
            pid=os.getpid(),
            rank=self.rank,
            sampling={_AS_VLLM.get(key, key): value for key, value in settings.sampling.items()},
            seconds=seconds,
            served=settings.served_names[0],
            space=settings.kv_cache_bytes / 2**30,
            version=settings.version,
            world=settings.tensor_parallel,
        )
        if line.level:
            self.log(line.level, line.source, text)
        else:
            write(STDERR, text + "\n")

    # the clock

    def until(self, at: float) -> None:
        """Wait for a moment of the script: seconds after the spawn at speed 1."""
        time.sleep(max(0.0, self.born + at / self.settings.speed - time.monotonic()))

    def meet(self, phase: Phase) -> None:
        """Let the faults act that are planned for this process in this phase."""
        for planned in self.settings.faults:
            serving = phase is not Phase.READY or planned.fault.served_by == self.name
            if planned.phase is phase and serving:
                planned.fault.act(self, planned)

    def tell(self, phase: Phase) -> None:
        """Wait for a phase, meet its faults, and say its lines."""
        self.until(fake_script.AT[phase])
        self.meet(phase)
        self.until(fake_script.STIRS_AT.get(phase, 0.0))
        for line in fake_script.LINES[phase]:
            self.say(line)

    # other processes

    def rename(self, name: str) -> None:
        """Take a name in the log, and in /proc/PID/comm as setproctitle would."""
        self.name = name
        with suppress(OSError), open("/proc/self/comm", "w") as comm:  # noqa: PTH123 - no file
            comm.write(f"{self.settings.title_prefix}::{name}")

    def leave(self, code: int) -> NoReturn:
        """End here and now, as a crash does."""
        os._exit(code)


@dataclass(frozen=True, slots=True)
class Kin:
    """Another process of the tree, held by a pidfd so that no stranger is ever hit."""

    name: str
    pid: int
    pidfd: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pidfd", os.pidfd_open(self.pid))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when it is gone."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)

    def ended(self, seconds: float = 0.0) -> bool:
        """Whether it has ended within ``seconds``."""
        return bool(select.select([self.pidfd], [], [], seconds)[0])


def fork(main: Callable[[], int], *, closing: Iterable[socket.socket]) -> int:
    """Start a child that runs ``main`` and exits with what it returns. Returns its pid.

    The child has default signal dispositions and closes the ends it must not hold, because
    vLLM spawns its children and a spawned child inherits neither. It keeps the argv of the
    root, so that it can be found by the served name in it.
    """
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        for sock in closing:
            sock.close()
        code = main()
    except SystemExit:  # a worker that was told to go
        code = 0
    except Exception as error:  # noqa: BLE001 - the child must never run on in its parent's code
        write(STDERR, f"fake_vllm: pid {os.getpid()} stopped by a bug of ours: {error!r}\n")
    finally:
        os._exit(code)


def _wait_and_call(seconds: float, call: Callable[[], None]) -> None:
    time.sleep(seconds)
    call()
