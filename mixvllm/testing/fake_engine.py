"""EngineCore of the fake engine: starts the Workers, runs the batch, ends in vLLM's ways.

A step is a round trip to every Worker. So a stopped Worker stops the tokens, a stopped
EngineCore stops them too, and the API server notices neither.

Signals (vLLM 0.32.0, v1/engine/core.py): default while it imports; afterwards SIGTERM and
SIGINT are recorded, and obeyed when the start is over. The death of the API server is not
noticed at all: the orphan lives until somebody sends it a SIGTERM (runs 02, i4).
"""

import select
import signal
import socket
import time
from dataclasses import dataclass
from functools import partial
from types import FrameType

from mixvllm.testing import fake_script, fake_worker
from mixvllm.testing.fake_output import STDERR, StartFailed, traceback, write
from mixvllm.testing.fake_process import Kin, Process, fork
from mixvllm.testing.fake_scheduler import Scheduler, Sequence
from mixvllm.testing.fake_script import Phase
from mixvllm.testing.fake_settings import Settings
from mixvllm.testing.fake_wire import Channel, Message, pair
from mixvllm.testing.fake_words import answer

_WORKER_GRACE = 5.0  # VLLM_WORKER_SHUTDOWN_TIMEOUT_SECONDS, seconds at speed 1
_RUN = ("vllm/v1/engine/core.py", 1482, "run_engine_core", "engine_core = EngineCoreProc(*args)")
_LOOP = ("vllm/v1/engine/core.py", 1496, "run_engine_core", "engine_core.run_busy_loop()")
_BOOT = ("lib/python3.11/multiprocessing/process.py", 314, "_bootstrap", "self.run()")
_WORKER_FAILED = (
    "Exception: WorkerProc initialization failed due to an exception in a background process. "
    "See stack trace for root cause."
)


@dataclass(frozen=True, slots=True)
class Hand:
    """One Worker as its engine sees it."""

    kin: Kin
    channel: Channel


class EngineCore(Process):
    """The engine process. ``run`` is its whole life."""

    def __init__(self, settings: Settings, born: float, api: Channel) -> None:
        super().__init__("EngineCore", settings, born)
        self.api = api
        self.workers: list[Hand] = []
        self.batch = Scheduler(settings.max_num_seqs, settings.kv_tokens)
        self.stop_asked = False
        self.stopping = False
        self.stepping: set[int] = set()  # fds of workers that owe the answer to a step
        self.step_ends = 0.0
        self.bell, self._clapper = socket.socketpair()
        self.bell.setblocking(False)
        self._clapper.setblocking(False)

    def run(self) -> int:
        """Start, serve, end. Returns the exit code."""
        try:
            self._start()
        except StartFailed as failure:
            return self._fail("core.py:1510", "EngineCore failed to start.", str(failure), _RUN)
        try:
            self._serve()
        except StartFailed as failure:
            code = self._fail(
                "core.py:1512", "EngineCore encountered a fatal error.", str(failure), _LOOP
            )
            self.api.send({"op": "dead"})
            return code
        return self._end()

    # start

    def _start(self) -> None:
        self.tell(Phase.SPAWN)
        self.until(fake_script.AT[Phase.ENGINE])
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.set_wakeup_fd(self._clapper.fileno(), warn_on_full_buffer=False)
        self.rename(self.name)
        self.tell(Phase.ENGINE)
        self._hire()
        for worker in self.workers:
            self._hear(worker)
        self.tell(Phase.MEMORY)
        self._ask_all({"op": "size"})
        if self.settings.max_model_len > self.settings.kv_tokens:
            raise StartFailed(self._too_small())
        self.tell(Phase.WARMUP)
        self.until(fake_script.WARM_AT)
        took = fake_script.WARM_AT - fake_script.AT[Phase.MEMORY]
        for line in fake_script.WARM:
            self.say(line, seconds=took)
        self.until(fake_script.AT[Phase.APP])
        pids = [worker.kin.pid for worker in self.workers]
        self.api.send({"op": "ready", "workers": pids, "kv_tokens": self.settings.kv_tokens})

    def _hire(self) -> None:
        for rank in range(self.settings.tensor_parallel):
            mine, theirs = pair()
            others = [worker.channel.sock for worker in self.workers]
            pid = fork(
                partial(fake_worker.run, self.settings, self.born, theirs, rank),
                closing=[self.api.sock, self.bell, self._clapper, mine.sock, *others],
            )
            theirs.sock.close()
            self.workers.append(Hand(Kin(f"Worker_TP{rank}", pid), mine))

    def _hear(self, worker: Hand) -> Message:
        """The next message of a worker; the start has failed when there is none."""
        heard = worker.channel.receive()
        if not heard:
            raise StartFailed(_WORKER_FAILED)
        return heard[0]

    def _ask_all(self, message: Message) -> None:
        for worker in self.workers:
            worker.channel.send(message)
        for worker in self.workers:
            self._hear(worker)

    def _too_small(self) -> str:
        room = self.settings.kv_cache_bytes / 2**30
        need = self.settings.max_model_len * self.settings.shape.kv_bytes_per_token / 2**30
        return (
            "ValueError: To serve at least one request with the model's max seq len "
            f"({self.settings.max_model_len}), ({need:.2f} GiB KV cache is needed, which is larger "
            f"than the available KV cache memory ({room:.2f} GiB). Based on the available memory, "
            f"the estimated maximum model length is {self.settings.kv_tokens}. Try increasing "
            "`gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine."
        )

    # serve

    def _serve(self) -> None:
        """Until a stop was asked for and the work is done."""
        while True:
            if self.stop_asked and not self.stopping:
                self._begin_stop()
            if self.stopping and not self.batch.count:
                return
            self.batch.admit(time.monotonic())
            if self.batch.changed:
                self.api.send(self.batch.report([]))
            self._step()
            watched: list[socket.socket | Channel] = [
                self.bell,
                *(worker.channel for worker in self.workers),
            ]
            if not self.api.closed:  # an orphan hears nothing any more, and lives on
                watched.append(self.api)
            wait = max(0.0, self.step_ends - time.monotonic()) if self.stepping else None
            ready = select.select(watched, [], [], wait)[0]
            if self.bell in ready:
                self.bell.recv(64)
            if self.api in ready:
                for message in self.api.receive():
                    self._obey(message)
            for worker in self.workers:
                if worker.channel in ready:
                    self._answered(worker)
            if self.stepping and time.monotonic() >= self.step_ends:
                raise StartFailed("TimeoutError: RPC call to execute_model timed out.")

    def _obey(self, message: Message) -> None:
        if message["op"] == "serving":
            self.meet(Phase.READY)
        elif message["op"] == "abort":
            self.batch.abort(message["id"])
        elif message["op"] == "add" and not self.stopping:
            said = answer(
                message["prompt"],
                limit=message["limit"],
                ignore_eos=message["ignore_eos"],
                stop=message["stop"],
                sense="gibberish" not in self.quirks,
            )
            self.batch.waiting.append(Sequence(message["id"], message["prompt_tokens"], said))

    def _step(self) -> None:
        if self.batch.running and not self.stepping and "stalled" not in self.quirks:
            for worker in self.workers:
                worker.channel.send({"op": "step"})
                self.stepping.add(worker.channel.fileno())
            self.step_ends = time.monotonic() + self.settings.step_timeout

    def _answered(self, worker: Hand) -> None:
        worker.channel.receive()
        if worker.channel.closed:
            self.log(
                "ERROR",
                "multiproc_executor.py:315",
                f"Worker proc VllmWorker-{self.workers.index(worker)} died unexpectedly "
                "(exit code: None), shutting down executor.",
            )
            self._dismiss()
            raise StartFailed("RuntimeError: Executor failed.")
        self.stepping.discard(worker.channel.fileno())
        if not self.stepping:
            self.api.send(self.batch.report(self.batch.advance()))

    # end

    def _stop(self, number: int, frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        self.log("INFO", "core.py:1454", f"[shutdown] EngineCore: trigger received signal={name}")
        self.stop_asked = True

    def _begin_stop(self) -> None:
        self.stopping = True
        self.api.send({"op": "stopping"})
        timeout = int(self.settings.shutdown_timeout)
        mode = "drain" if timeout else "abort"
        count = self.batch.count
        self.log(
            "INFO", "core.py:1635", f"[shutdown] EngineCore: start mode={mode} timeout={timeout}s"
        )
        if count and timeout:
            self.log(
                "INFO",
                "core.py:1655",
                f"[shutdown] EngineCore: draining in-flight requests count={count} "
                f"timeout={timeout}s",
            )
        elif count:
            self.log(
                "INFO",
                "core.py:1644",
                f"[shutdown] EngineCore: aborting in-flight requests count={count}",
            )
            self.batch.clear()

    def _end(self) -> int:
        self.log(
            "INFO",
            "core.py:1666",
            "[shutdown] EngineCore: request processing complete; starting resource teardown",
        )
        self.log("INFO", "core.py:1499", "[shutdown] EngineCore: exiting busy loop")
        self.api.send({"op": "bye"})
        self._dismiss()
        return 0

    def _dismiss(self) -> None:
        """Let the workers go; insist after a while."""
        left = [worker for worker in self.workers if not worker.kin.ended(0)]
        self.log(
            "INFO",
            "multiproc_executor.py:479",
            f"[shutdown] Executor: waiting for worker exit count={len(left)}",
        )
        for worker in self.workers:
            worker.channel.send({"op": "leave"})
            worker.channel.sock.close()
        grace = max(_WORKER_GRACE / self.settings.stop_speed, 0.2)
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            for worker in left:
                if number:
                    worker.kin.signal(number)
            ends = time.monotonic() + grace
            left = [one for one in left if not one.kin.ended(max(0.0, ends - time.monotonic()))]
            if not left and number is None:
                self.log(
                    "INFO",
                    "multiproc_executor.py:486",
                    "[shutdown] Executor: all workers exited gracefully",
                )

    def _fail(self, source: str, what: str, cause: str, frame: tuple[str, int, str, str]) -> int:
        """Say why on stdout and, in Python's own words, on stderr. Returns the exit code."""
        if cause:
            self.log("ERROR", source, f"{what}\n{traceback(cause, frame)}")
            if self.workers and "Executor failed" not in cause:
                self._dismiss()
            write(STDERR, f"Process EngineCore:\n{traceback(cause, _BOOT, frame)}\n")
        return 1
