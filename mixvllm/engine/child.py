"""Fork and exec of vLLM's first process, with nothing of ours left in it.

`subprocess` could do most of it, but not all: vLLM must get the parent-death signal and the
mark before it runs, and every signal at its default. Under ``nohup`` or from a background
job SIGHUP and SIGINT come to us ignored, an exec hands that on, and vLLM would then not be
stopped by them.
"""

# A keeper loads this, and does without pathlib: 5 ms.
# ruff: noqa: PTH110, PTH113, PTH118

import contextlib
import errno
import os
import signal
from typing import NamedTuple, NoReturn

from mixvllm.engine import linux, mark
from mixvllm.engine.spec import EngineSpec

_NOT_STARTED = 127  # as a shell has it; only the keeper sees it
_OUR_FDS = 256  # a keeper has a dozen; all close at exec anyway, but an exec can hang


class Launch(NamedTuple):
    """A child on its way to exec. ``report`` ends when it is there, or says why it is not."""

    pid: int
    report: int  # file descriptor


class Failure(NamedTuple):
    """Why a program did not start: an errno and a sentence."""

    errno: int
    message: str


def launch(spec: EngineSpec, *, output: int, tag: int) -> Launch:
    """Fork, then exec in a session of its own; stdout and stderr go to ``output``.

    Call it before any thread is started. Raises OSError: no fork, no descriptors.
    """
    nothing = os.open(os.devnull, os.O_RDONLY)
    report, say = os.pipe()
    keeper = os.getpid()
    # Blocked across the fork, so that no signal meets our Python handlers inside the child.
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            _become(spec, stdio=(nothing, output, output), keeper=keeper, say=say, tag=tag)
    except OSError:
        os.close(report)
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.close(nothing)
        os.close(say)
    return Launch(pid, report)


def _become(
    spec: EngineSpec, *, stdio: tuple[int, int, int], keeper: int, say: int, tag: int
) -> NoReturn:
    """The child's side."""
    stage = b"exec"
    try:
        os.setsid()
        with contextlib.suppress(OSError, ValueError):  # limited by an administrator
            mark.wear(tag)
        linux.die_with_parent(signal.SIGTERM)
        if os.getppid() != keeper:  # it died before we asked to be told
            os._exit(_NOT_STARTED)
        for target, source in enumerate(stdio):
            os.dup2(source, target)
        os.closerange(3, say)
        os.closerange(say + 1, _OUR_FDS)
        stage = b"cwd"
        os.chdir(spec.cwd)
        stage = b"exec"
        for sig in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(sig, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execvpe(spec.argv[0], spec.argv, spec.env)  # noqa: S606 - there is no shell, on purpose
    except Exception as why:  # noqa: BLE001 - past this line a second keeper would run
        number = getattr(why, "errno", None) or errno.EINVAL  # ValueError: a NUL, a "=" in a name
        os.write(say, b"%s %d %s" % (stage, number, str(why).encode()))
    finally:
        os._exit(_NOT_STARTED)


def outcome(spec: EngineSpec, report: int) -> Failure | None:
    """Read a launch's report, which closes it. None: the program runs."""
    said = b""
    while part := os.read(report, 4096):
        said += part
    os.close(report)
    if not said:
        return None
    stage, number, detail = said.decode(errors="replace").split(" ", 2)
    if stage == "cwd":
        return Failure(int(number), f"cannot enter {spec.cwd}: {os.strerror(int(number)).lower()}")
    return Failure(int(number), _why_not(spec, int(number), detail))


def _why_not(spec: EngineSpec, number: int, detail: str) -> str:
    program = spec.argv[0] if spec.argv else "an empty command"
    there = "/" in program and os.path.exists(os.path.join(spec.cwd, program))
    match number:
        case errno.ENOENT if there:
            return f"{program} cannot start: the interpreter that its first line names is missing"
        case errno.ENOENT:
            return f"{program} was not found{'' if '/' in program else ' on PATH'}"
        case errno.EACCES if there and os.path.isfile(os.path.join(spec.cwd, program)):
            return f"{program} is not executable"
        case errno.ENOEXEC:
            return f"{program} is no program for this machine, and has no #! line"
        case errno.E2BIG:
            size = sum(map(len, spec.argv)) + sum(len(k) + len(v) for k, v in spec.env.items())
            return f"{program} cannot start: {size} bytes of arguments and environment are too many"
        case errno.EINVAL:
            return f"{program} cannot start: {detail}"
        case _:
            return f"{program} cannot start: {os.strerror(number).lower()}"
