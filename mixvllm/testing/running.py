"""Run a program for a test: read its lines as they come, wait for one with a limit, leave nothing.

``fake_vllm`` starts the fake engine; ``Running`` serves any program that logs to its two
streams and whose processes share one session.
"""

import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess  # noqa: TID251 - tests start real processes
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO

import psutil

_PID = re.compile(r"\((\w+) pid=(\d+)\)")


@dataclass(frozen=True, slots=True)
class Seen:
    """One line: where it came out ("out" or "err"), its text, and when (time.monotonic())."""

    stream: str
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: str

    def json(self) -> dict[str, object]:
        """The body as a JSON object."""
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


class Running:
    """A started program. Use it as a context manager; on the way out its whole session dies."""

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str], port: int) -> None:
        self.port = port
        self.seen: list[Seen] = []
        self._news = threading.Condition()
        self._gate = threading.Event()
        self._gate.set()
        with _default_dispositions():
            self.process = subprocess.Popen(
                argv,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read, args=("out", self.process.stdout), daemon=True),
            threading.Thread(target=self._read, args=("err", self.process.stderr), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *failure: object) -> None:
        self.read_on()
        while members := self.family():  # again: one may have forked after the first look
            for process in members:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL)
            self.wait_gone(*(process.pid for process in members))
        self.process.wait(10)
        for reader in self._readers:
            reader.join(10)

    # lines

    def lines(self, stream: str | None = None) -> list[str]:
        """What has been written so far."""
        with self._news:
            return [line.text for line in self.seen if stream in {None, line.stream}]

    def wait_for(self, pattern: str, *, stream: str | None = None, limit: float = 10.0) -> Seen:
        """The first line that matches. Raises TimeoutError after ``limit`` seconds."""
        wanted = re.compile(pattern)
        ends = time.monotonic() + limit
        looked = 0
        with self._news:
            while True:
                for line in self.seen[looked:]:
                    if stream in {None, line.stream} and wanted.search(line.text):
                        return line
                looked = len(self.seen)
                if not self._news.wait(max(0.0, ends - time.monotonic())):
                    tail = "\n".join(line.text for line in self.seen[-20:])
                    raise TimeoutError(f"no {pattern!r} after {limit} s; last:\n{tail}")

    def stop_reading(self) -> None:
        """Leave its pipes undrained, as a hung supervisor would."""
        self._gate.clear()

    def read_on(self) -> None:
        """Drain its pipes again."""
        self._gate.set()

    # processes

    def family(self) -> list[psutil.Process]:
        """Everything alive in its session; zombies are not alive."""
        found = []
        for pid in psutil.pids():
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                if os.getsid(pid) == self.process.pid:
                    process = psutil.Process(pid)
                    if process.status() != psutil.STATUS_ZOMBIE:
                        found.append(process)
        return found

    def pid(self, name: str, *, limit: float = 10.0) -> int:
        """The pid in the first log line of that process: ``EngineCore``, ``Worker`` ..."""
        found = _PID.search(self.wait_for(rf"^\({name} pid=\d+\)", limit=limit).text)
        assert found is not None
        return int(found[2])

    def send(self, number: signal.Signals, *, to: int | None = None) -> None:
        """Send a signal to its root, or to another of its processes."""
        psutil.Process(to or self.process.pid).send_signal(number)

    def wait_exit(self, *, limit: float = 10.0) -> int:
        """The exit code of its root; negative is a signal."""
        return self.process.wait(limit)

    def wait_gone(self, *pids: int, limit: float = 10.0) -> None:
        """Wait until these have ended; without pids, everything in its session."""
        ends = time.monotonic() + limit
        for pid in pids or [process.pid for process in self.family()]:
            try:
                pidfd = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            try:  # readable at the end, whether or not somebody reaps the process
                if not select.select([pidfd], [], [], max(0.0, ends - time.monotonic()))[0]:
                    raise TimeoutError(f"pid {pid} is still alive after {limit} s")
            finally:
                os.close(pidfd)

    # requests

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        limit: float = 10.0,
    ) -> Answer:
        """One request, answered as a whole. Raises ConnectionError or TimeoutError."""
        with self.open(method, path, body, headers=headers, limit=limit) as response:
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, fields, response.read().decode())

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        limit: float = 10.0,
    ) -> Iterator[http.client.HTTPResponse]:
        """One request, its answer left open to be read as it comes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=limit)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = {} if body is None else {"content-type": "application/json"}
        try:
            connection.request(method, path, data, {**kind, **(headers or {})})
            with connection.getresponse() as response:
                yield response
        finally:
            connection.close()

    def _read(self, stream: str, pipe: IO[bytes]) -> None:
        rest = b""
        with pipe:
            while self._gate.wait() and (data := pipe.read(1 << 16)):
                *lines, rest = (rest + data).split(b"\n")
                self._tell(stream, lines)
        self._tell(stream, [rest] if rest else [])

    def _tell(self, stream: str, lines: list[bytes]) -> None:
        now = time.monotonic()
        texts = [line.decode(errors="replace").strip("\r") for line in lines]
        with self._news:
            self.seen += [Seen(stream, text, now) for text in texts]
            self._news.notify_all()


@contextmanager
def _default_dispositions() -> Iterator[None]:
    """Let no ignored signal be inherited, as from nohup or a shell's background job."""
    ignored = [
        number
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
        if signal.getsignal(number) is signal.SIG_IGN
    ]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def fake_vllm(
    *arguments: str,
    model: str = "models/SmolLM2-135M-Instruct",
    port: int | None = None,
    speed: float = 400.0,
    env: Mapping[str, str] | None = None,
) -> Running:
    """The fake engine, starting: ready 0.3 s later at the default speed."""
    port = free_port() if port is None else port
    host = ("--host", "127.0.0.1", "--port", str(port))
    argv = (sys.executable, "-m", "mixvllm.testing.fake_vllm", "serve", model, *host, *arguments)
    return Running(argv, env={"FAKE_VLLM_SPEED": str(speed), **(env or {})}, port=port)


READY = r"Application startup complete\."
