"""A Worker of the fake engine: reads the weights, then executes steps until its engine is gone.

As in vLLM 0.32.0 it learns of the engine's death only once the model is loaded, and
then it lingers: 9.3 s after kill -9 of EngineCore, 3.2 s longer than the API server (run 03);
3.6 s when its engine let it go (run h2).
"""

import signal
import time
from types import FrameType

from mixvllm.testing import fake_script
from mixvllm.testing.fake_output import STDERR, StartFailed, traceback, write
from mixvllm.testing.fake_process import Process
from mixvllm.testing.fake_script import Phase
from mixvllm.testing.fake_settings import Settings
from mixvllm.testing.fake_wire import Channel

_LINGER = 9.3  # seconds at speed 1
_LEAVE = 3.6
_MAIN = ("vllm/v1/executor/multiproc_executor.py", 920, "worker_main", "worker = WorkerProc(*args)")
_SEND = ("vllm/v1/executor/multiproc_executor.py", 928, "worker_main", "ready_writer.send(")


def run(settings: Settings, born: float, engine: Channel, rank: int) -> int:
    """The life of the worker of ``rank``. Returns its exit code."""
    worker = Process(f"VllmWorker-{rank}", settings, born, rank=rank)
    try:
        worker.tell(Phase.WORKERS)
        worker.until(fake_script.AT[Phase.WEIGHTS])
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _exit_once)
        worker.say(fake_script.V1_RUNNER)  # still under the name it was started with
        worker.rename("Worker" if settings.tensor_parallel == 1 else f"Worker_TP{rank}")
        _load(worker)
    except StartFailed as failure:
        _failed_to_start(worker, traceback(str(failure), _MAIN))
        return 1
    if not engine.send({"op": "loaded"}):
        _failed_to_start(worker, traceback("BrokenPipeError: [Errno 32] Broken pipe", _SEND))
    return _serve(worker, engine)


def _load(worker: Process) -> None:
    worker.tell(Phase.WEIGHTS)
    settings = worker.settings
    seconds = fake_script.WEIGHTS_LOADED_AT - fake_script.AT[Phase.WEIGHTS]
    for place, bar in enumerate(fake_script.progress(settings.shape.shards, seconds)):
        done = min(1.0, place / settings.shape.shards)
        worker.until(fake_script.AT[Phase.WEIGHTS] + seconds * done)
        if worker.rank == 0:
            write(STDERR, bar)
    if worker.rank == 0:
        worker.say(fake_script.WEIGHTS_LOADED, seconds=seconds)


def _serve(worker: Process, engine: Channel) -> int:
    """Execute what the engine asks for, until it is gone."""
    pace = 1.0 / worker.settings.tokens_per_second
    linger = _LINGER
    while not engine.closed:
        for message in engine.receive():
            if message["op"] == "size" and worker.rank == 0:
                worker.say(fake_script.KV_SPACE)
            elif message["op"] == "step":
                time.sleep(pace)
            elif message["op"] == "leave":
                linger = _LEAVE
            engine.send({"op": "done"})
    worker.log(
        "INFO", "multiproc_executor.py:843", "Parent process exited, terminating worker queues"
    )
    time.sleep(linger / worker.settings.stop_speed)
    return 0


def _failed_to_start(worker: Process, cause: str) -> None:
    worker.log("ERROR", "multiproc_executor.py:953", f"WorkerProc failed to start.\n{cause}")


def _exit_once(number: int, frame: FrameType | None) -> None:
    worker_exit = SystemExit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise worker_exit
