"""A fake engine that takes vLLM's place: ``python -m mixvllm.testing.fake_vllm serve MODEL ...``.

It is a real tree of processes (API server, EngineCore, one Worker for each tensor-parallel
rank, resource tracker) that accepts the command line of ``vllm serve`` 0.32.0, says the same
lines on the same streams, answers the same endpoints with the same metrics, and starts, stops
and dies in the same ways, some of them bad. Nothing in it computes a model, so it needs no
GPU, no vLLM and half a second.

Use it as ``vllm.command`` of a profile to rehearse a service, and to rehearse its failures.
One API server answers whatever ``--api-server-count`` says; data parallel engines and
``--headless`` nodes are not played.
"""

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

from mixvllm.testing import fake_script
from mixvllm.testing.fake_engine import EngineCore
from mixvllm.testing.fake_faults import FAULTS
from mixvllm.testing.fake_output import STDERR, STDOUT, StartFailed, UsageFault, traceback, write
from mixvllm.testing.fake_process import Kin, Process, fork
from mixvllm.testing.fake_script import Phase
from mixvllm.testing.fake_settings import Settings, parse
from mixvllm.testing.fake_wire import Channel, pair

if TYPE_CHECKING:
    import ssl

_AFTER_FAILURE = 3.2  # seconds from the engine's death in a start to the exit, at speed 1
_ENTRY = "vllm/entrypoints/launchers/api_server/entry.py"
_SERVER = (_ENTRY, 177, "run_server", "await run_server_worker(listen_address, sock, args)")
_BIND = ("vllm/entrypoints/launchers/launcher.py", 348, "create_server_socket", "sock.bind(addr)")
_WAIT = ("vllm/v1/engine/utils.py", 1431, "wait_for_engine_startup", "raise RuntimeError(")
_RUN = ("lib/python3.11/asyncio/runners.py", 123, "run", "raise KeyboardInterrupt()")

HELP = """\
usage: python -m mixvllm.testing.fake_vllm serve MODEL [options of vllm serve 0.32.0]

A fake engine that starts, serves, logs and dies as vLLM does. Its own options:

  --fake-speed X              1 is the pace of a real start, 44 s; default 100
                              (FAKE_VLLM_SPEED)
  --fake-stop-speed X         the same for what happens after ready; default the speed
                              (FAKE_VLLM_STOP_SPEED)
  --fake-tokens-per-second X  of one request; default 14 times the speed
                              (FAKE_VLLM_TOKENS_PER_SECOND)
  --fake-version X            the release it claims to be; default 0.32.0
                              (FAKE_VLLM_VERSION)
  --fake-fault LIST           NAME[=VALUE]@PHASE, several with commas (FAKE_VLLM_FAULT)

phases: {phases}
faults:
{faults}
"""


class EngineLost(Exception):
    """EngineCore has ended before it was ready; ``code`` is its exit code, negative a signal."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class ApiServer(Process):
    """The root of the tree. ``run`` is its whole life."""

    def __init__(self, settings: Settings, born: float) -> None:
        super().__init__("APIServer", settings, born)
        self.engine: Kin | None = None
        self.workers: list[Kin] = []
        self.interrupted = False

    def run(self) -> int:
        """Start, serve, end. Returns the exit code."""
        failure = self.settings.fault("crash")
        code = int(failure.number(1)) if failure else 1
        try:
            return self._run()
        except StartFailed as error:
            self._kill_engine()
            write(STDERR, traceback(str(error), _SERVER) + "\n")
        except EngineLost as lost:
            time.sleep(_AFTER_FAILURE / self.settings.stop_speed)
            self._kill_engine()
            failed = {"EngineCore": lost.code} if lost.code > 0 else {}
            text = "RuntimeError: Engine core initialization failed. See root cause above. "
            write(STDERR, traceback(f"{text}Failed core proc(s): {failed}", _SERVER, _WAIT) + "\n")
        except KeyboardInterrupt:
            self._kill_engine()
            write(STDERR, traceback("KeyboardInterrupt", _SERVER, _RUN) + "\n")
        return code

    def _run(self) -> int:
        self.tell(Phase.IMPORTS)
        self.until(fake_script.AT[Phase.ARGS])
        self.meet(Phase.ARGS)
        # From here to the end of the start SIGTERM is lost (runs i2, i3, i8, i9) and SIGINT
        # waits until the engine is up (run i6b).
        if "ignore-term" not in self.quirks:
            signal.signal(signal.SIGTERM, _lose)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._interrupt)
        for line in fake_script.LINES[Phase.ARGS]:
            self.say(line)
        sock = self._bind()
        self.tell(Phase.CONFIG)
        channel = self._spawn(sock)
        import asyncio  # the engine takes its time anyway

        from mixvllm.testing.fake_serving import Serving

        self._await_engine(channel)
        self.tell(Phase.APP)
        if self.settings.sampling:
            self.say(fake_script.SAMPLING_OVERRIDDEN)
        if self.interrupted:
            raise KeyboardInterrupt
        self.tell(Phase.LISTEN)
        for path, methods in fake_script.ROUTES:
            self.log("INFO", "launcher.py:195", f"Route: {path}, Methods: {methods}")
        tls = self._tls()

        async def serve() -> None:
            assert self.engine is not None
            code = await Serving(self, channel, self.engine, self.workers).run(sock, tls)
            self.leave(code)  # inside the loop, so that a late signal still finds its handler

        asyncio.run(serve())
        return 70  # not reached

    def _bind(self) -> socket.socket:
        """Take the address; clients are refused until somebody listens on it."""
        settings = self.settings
        if settings.uds:
            sock = socket.socket(socket.AF_UNIX)
            address: object = settings.uds
        else:
            host = settings.host or ""
            sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            address = (host, settings.port)
        try:
            sock.bind(address)  # type: ignore[arg-type]
        except OSError as error:
            write(STDERR, traceback(f"OSError: {error}", _SERVER, _BIND) + "\n")
            self.leave(1)
        return sock

    def _spawn(self, sock: socket.socket) -> Channel:
        """Start the resource tracker and EngineCore."""
        self.until(fake_script.AT[Phase.SPAWN] - 0.3)
        read, write_end = os.pipe()
        fork(partial(_track, read, write_end), closing=[sock])
        os.close(read)
        mine, theirs = pair()
        engine = EngineCore(self.settings, self.born, theirs)
        pid = fork(engine.run, closing=[sock, mine.sock])
        theirs.sock.close()
        engine.bell.close()
        self.engine = Kin("EngineCore", pid)
        return mine

    def _await_engine(self, channel: Channel) -> None:
        """Until the engine says that it is ready. Raises EngineLost."""
        assert self.engine is not None
        while not self.workers:
            watched: list[Channel | int] = [channel, self.engine.pidfd]
            select.select(watched, [], [])
            if channel.waits(0):
                for message in channel.receive():
                    name = "Worker" if len(message["workers"]) == 1 else "Worker_TP{rank}"
                    self.workers = [
                        Kin(name.format(rank=rank), worker)
                        for rank, worker in enumerate(message["workers"])
                    ]
            if channel.closed and not self.workers:
                _, status = os.waitpid(self.engine.pid, 0)
                raise EngineLost(os.waitstatus_to_exitcode(status))

    def _tls(self) -> "ssl.SSLContext | None":
        """The certificate, read only now, as in vLLM: a wrong path costs a whole start (f13)."""
        if not (certificate := self.settings.options.get("ssl_certfile")):
            return None
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        key = self.settings.options.get("ssl_keyfile")
        try:
            context.load_cert_chain(str(certificate), str(key) if key else None)
        except OSError as error:
            raise StartFailed(f"{type(error).__name__}: {error}") from None
        return context

    def _kill_engine(self) -> None:
        for kin in [self.engine, *self.workers]:
            if kin is not None:
                kin.signal(signal.SIGKILL)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True


def _lose(number: int, frame: FrameType | None) -> None:
    """A SIGTERM that arrives during a start."""


def _track(read: int, write_end: int) -> int:
    """The life of the resource tracker: until nobody holds the other end of its pipe."""
    os.close(write_end)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    os.read(read, 1)
    write(STDERR, "".join(f"{line}\n" for line in fake_script.TRACKER_WORDS))
    return 0


def _born() -> float:
    """time.monotonic() when this process began: its imports are part of the first phase.

    proc(5): field 22 of stat, in ticks since boot.
    """
    with open("/proc/self/stat") as stat:  # noqa: PTH123 - no file
        ticks = int(stat.read().rpartition(")")[2].split()[19])
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.monotonic() - age


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """The command. Returns the exit code."""
    born = _born()
    if not argv or {"-h", "--help"} & set(argv):
        faults = "\n".join(f"  {fault.name:<18}{fault.summary}" for fault in FAULTS.values())
        write(STDOUT, HELP.format(phases=" ".join(Phase), faults=faults))
        return 0
    if argv[0] in {"-v", "--version"}:
        write(STDOUT, environ.get("FAKE_VLLM_VERSION", "0.32.0") + "\n")
        return 0
    try:
        if argv[0] != "serve":
            raise UsageFault(f"argument subparser: invalid choice: {argv[0]!r}")
        return ApiServer(parse(argv[1:], environ), born).run()
    except UsageFault as fault:
        write(STDERR, f"{fault.usage}\nvllm serve: error: {fault}\n")
    except ValueError as error:
        write(STDERR, f"fake_vllm: {error}\n")
    return 2


if __name__ == "__main__":
    os._exit(main(sys.argv[1:], os.environ))  # at once: nothing is buffered, nothing to finalise
