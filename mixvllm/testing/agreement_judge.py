"""Run by the Python that has vLLM: a command line in, what `vllm serve` makes of it out.

    PYTHON -P mixvllm/testing/agreement_judge.py cpu|cuda MODEL...

Each line in is ``{"words": [...], "environ": {...}, "limit": seconds}``: the words behind ``vllm
serve``, and variables. Each line out says ``{"verdict": "taken"}``, or "refused" with the error,
its message and the place in vLLM that raised it, or "hung". The first line out, when the imports
are done, is ``{"vllm": release}``.

vLLM's own code runs, from its parser over the checks of `serve` to the whole engine configuration;
it is stopped where it would start processes or open a port. Each command line is judged in a fork
of its own, because vLLM keeps state in modules and in the environment.

``cuda`` is vLLM's CUDA platform, told that it has eight cards of 80 GB with compute capability
9.0. A CPU build has no kernels to ask, so what depends on them cannot be judged: "unknown".

This file is run by path: standard library only, until it imports vLLM.
"""

import contextlib
import importlib
import io
import json
import os
import re
import select
import signal
import sys
import traceback
import types
from typing import Any, NoReturn

JsonLine = dict[str, object]


class Taken(BaseException):
    """The configuration stands: from here on vLLM would start processes."""


def told_platform() -> object:
    """vLLM's CUDA platform, with the answers of cards that are not there."""
    kernels = "vllm._C_stable_libtorch"  # imported for its side effects alone
    sys.modules[kernels] = types.ModuleType(kernels)
    cuda: Any = importlib.import_module("vllm.platforms.cuda")
    interface: Any = importlib.import_module("vllm.platforms.interface")
    answers = {
        "get_device_capability": interface.DeviceCapability(9, 0),
        "get_device_name": "NVIDIA H100 80GB HBM3",
        "get_device_total_memory": 80 * 2**30,
        "get_cuda_runtime_major": 12,
        "device_count": 8,
        "num_compute_units": 132,
        "is_integrated_gpu": False,
        "is_pin_memory_available": True,
    }
    methods = {name: _answering(value) for name, value in answers.items()}
    return type("ToldPlatform", (cuda.NonNvmlCudaPlatform,), methods)()


def _answering(value: object) -> Any:
    return classmethod(lambda *_, **__: value)


def choose_platform(name: str) -> None:
    """Before anything asks: vLLM finds out its platform when it is first needed."""
    platforms = importlib.import_module("vllm.platforms")
    if name == "cuda":
        vars(platforms)["_current_platform"] = told_platform()
    else:
        cpu = importlib.import_module("vllm.platforms.cpu")
        vars(platforms)["_current_platform"] = cpu.CpuPlatform()


def stop(*_: object, **__: object) -> NoReturn:
    """In place of whatever would start a process."""
    raise Taken


class Judge:
    """vLLM, imported once, and warm: the first configuration imports what the others share, and
    the first one with a model's architecture starts a process to look at it, which takes 20 s.
    """

    def __init__(self, models: list[str]) -> None:
        self.serve: Any = importlib.import_module("vllm.entrypoints.cli.serve")
        self.engines: Any = importlib.import_module("vllm.v1.engine.utils")
        self.supervisor: Any = importlib.import_module("vllm.entrypoints.launchers.dp_supervisor")
        parser: Any = importlib.import_module("vllm.utils.argparse_utils").FlexibleArgumentParser
        self.parser = parser(prog="vllm")
        commands = self.parser.add_subparsers(required=False, dest="subparser")
        self.serve.ServeSubcommand().subparser_init(commands)
        environ = dict(os.environ)
        for model in models:
            args = self.parser.parse_args(["serve", model])
            args.model = model
            self.serve.vllm.AsyncEngineArgs.from_cli_args(args).create_engine_config()
        os.environ.clear()  # the CPU platform sets variables
        os.environ.update(environ)

    def judge(self, words: list[str]) -> JsonLine:
        """The verdict on a command line. Leaves vLLM changed: call it in a fork."""
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                args = self.parser.parse_args(["serve", *words])
        except SystemExit:
            return {"verdict": "refused", "error": "argparse", "at": "the parser",
                    "message": said.getvalue().rpartition("error: ")[2].strip()}  # fmt: skip
        except Exception as error:  # noqa: BLE001 - any failure is an answer here
            return refusal(error)
        if args.model_tag != words[0]:
            return {"verdict": "refused", "error": "argparse", "at": "the parser",
                    "message": "a word ended up as the model"}  # fmt: skip
        self._stop_before_processes()
        try:
            self.serve.validate_parsed_serve_args(args)
            self.serve.ServeSubcommand.cmd(args)
        except Taken:
            return {"verdict": "taken"}
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the same
            return refusal(error)
        return {"verdict": "unknown", "message": "the command ended by itself"}

    def _stop_before_processes(self) -> None:
        """The ways of `serve` end at the configuration, or where the engines would be started."""
        serve = self.serve
        serve.setup_server = lambda *_, **__: ("", None)
        serve.create_server_socket = lambda *_, **__: None
        serve.setup_multiprocess_prometheus = lambda: None
        serve.CoreEngineProcManager = serve.MultiprocExecutor = stop
        self.engines.bind_engine_zmq_listeners = stop
        serve.run_server = self._configure
        serve.run_dp_supervisor = self._configure_first_rank

    def _configure(self, args: Any) -> NoReturn:
        """One API server and its engine, as `build_async_engine_client` sets them up."""
        engine_args = self.serve.vllm.AsyncEngineArgs.from_cli_args(args)
        self.serve.propagate_flash_late_interaction(args, engine_args)
        context = self.serve.UsageContext.OPENAI_API_SERVER
        engine_args.create_engine_config(usage_context=context)
        raise Taken

    def _configure_first_rank(self, args: Any) -> NoReturn:
        self._configure(self.supervisor._build_vllm_dp_server_args(args, 0))


def refusal(error: BaseException) -> JsonLine:
    """What was raised and where, in words of vLLM."""
    message, at = str(error), place(error)
    details = getattr(error, "errors", None)
    if type(error).__name__ == "ValidationError" and callable(details):
        faults = details()
        message = "; ".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in faults)
        inner = faults[0].get("ctx", {}).get("error")
        at = (
            place(inner) if isinstance(inner, Exception) else f"{at}, {getattr(error, 'title', '')}"
        )
    # What is missing from this build, and what no card answers, says nothing of the options.
    missing = isinstance(error, ImportError) or re.search(
        r"torch\._C|_C'|Torch not compiled with CUDA|No CUDA|libcuda", message
    )
    return {"verdict": "unknown" if missing else "refused", "error": type(error).__name__,
            "message": message[:4000], "at": at}  # fmt: skip


def place(error: BaseException) -> str:
    """``config/parallel.py, _verify_args``: the deepest frame in vLLM itself."""
    frames = [
        f"{frame.filename.rpartition('/vllm/')[2]}, {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
        if "/site-packages/vllm/" in frame.filename
    ]
    return frames[-1] if frames else ""


def in_a_fork(judge: Judge, words: list[str], environ: dict[str, str], limit: float) -> JsonLine:
    """The verdict, from a child that is killed when it takes longer than ``limit`` seconds."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.setsid()  # so that a process of its own is ended with it
        signal.alarm(int(limit) + 10)  # should nobody be left to end it
        os.environ.update(environ)
        try:
            answer = judge.judge(words)
        except BaseException as error:  # noqa: BLE001 - even this is an answer
            answer = {"verdict": "unknown", "message": repr(error)}
        os.write(writing, json.dumps(answer).encode() + b"\n")  # less than a pipe holds
        os._exit(0)
    os.close(writing)
    try:
        if not select.select([reading], [], [], limit)[0]:
            return {"verdict": "hung", "message": f"no answer within {limit:g} s"}
        with os.fdopen(reading, "rb", closefd=False) as pipe:
            line = pipe.readline()  # no more: a child of the child may hold the pipe open
        if not line:
            return {"verdict": "died", "message": "the process ended without an answer"}
        found: JsonLine = json.loads(line)
        return found
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # noqa: TID251 - runs where mixvllm is not
        os.waitpid(child, 0)


def main() -> None:
    """Answer line by line until there is no more."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # vLLM may write to stdout
    platform, *models = sys.argv[1:]
    choose_platform(platform)
    sys.argv = ["vllm"]
    judge = Judge(models)
    answers.write(json.dumps({"vllm": importlib.import_module("vllm.version").__version__}) + "\n")
    for line in sys.stdin:
        asked = json.loads(line)
        answers.write(json.dumps(in_a_fork(judge, **asked)) + "\n")


if __name__ == "__main__":
    main()
