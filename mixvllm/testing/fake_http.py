"""A small HTTP/1.1 server that behaves as uvicorn does under vLLM.

One event loop, one access log line per answer, written to stdout before the body: when
nobody reads that pipe the whole server stands still, ``/health`` too (run h6). A client
that goes away cancels its request. Closing waits for open answers without a limit.
"""

import asyncio
import http
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from mixvllm.testing.fake_output import STDOUT, write

_KEEP_ALIVE = 5.0  # VLLM_HTTP_TIMEOUT_KEEP_ALIVE, seconds


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names in lower case."""

    method: str
    target: str  # the path with its query
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path alone."""
        return self.target.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: a body, or chunks of one as they come."""

    status: int
    body: bytes | AsyncIterator[bytes] = b""
    content_type: str | None = "application/json"


T = TypeVar("T")
Route: TypeAlias = Callable[[Request], Awaitable[Reply]]
Counted: TypeAlias = Callable[[Request, int, int, float], None]  # status, bytes, seconds


class HttpServer:
    """Listens on a bound socket and answers through ``route``; tells ``counted`` of each answer."""

    def __init__(self, route: Route, counted: Counted, *, access_log: bool) -> None:
        self._route = route
        self._counted = counted
        self._access_log = access_log
        self._server: asyncio.Server | None = None
        self._closing = False
        self._connections: set[asyncio.Task[None]] = set()
        self._answering: set[asyncio.Task[None]] = set()

    async def listen(self, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        """From here on connections are accepted."""
        if sock.family == socket.AF_UNIX:
            self._server = await asyncio.start_unix_server(self._connected, sock=sock, ssl=tls)
        else:
            self._server = await asyncio.start_server(self._connected, sock=sock, ssl=tls)

    def stop_listening(self) -> None:
        """Refuse new connections and drop the idle ones."""
        self._closing = True
        if self._server is not None:
            self._server.close()
        for connection in self._connections - self._answering:
            connection.cancel()

    @property
    def busy(self) -> bool:
        """Whether an answer is still being sent."""
        return bool(self._answering)

    async def finished(self) -> None:
        """Wait for all answers."""
        while self._answering:
            await asyncio.wait(self._answering)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            ahead = b""
            while not self._closing and (request := await _read(reader, ahead)) is not None:
                self._answering.add(task)
                gone = asyncio.ensure_future(reader.read(1))
                answer = asyncio.ensure_future(self._answer(request, writer))
                await asyncio.wait({gone, answer}, return_when=asyncio.FIRST_COMPLETED)
                if not answer.done() and not gone.result():
                    answer.cancel()  # the client has gone
                if not await _or(answer, False):
                    return
                gone.cancel()
                ahead = await _or(gone, b"")  # it may have sent its next request already
                self._answering.discard(task)
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            self._answering.discard(task)
            self._connections.discard(task)
            writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Answer one request. Returns whether the connection stays open."""
        began = time.monotonic()
        reply = await self._route(request)
        stream = None if isinstance(reply.body, bytes) else reply.body
        whole = reply.body if isinstance(reply.body, bytes) else b""
        keep = request.headers.get("connection", "").lower() != "close"
        if self._access_log:
            peer = writer.get_extra_info("peername") or ""
            client = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else ""
            phrase = http.HTTPStatus(reply.status).phrase
            line = f'"{request.method} {request.target} HTTP/1.1" {reply.status} {phrase}'
            write(STDOUT, f"INFO:     {client} - {line}\n")
        head = [f"HTTP/1.1 {reply.status} {http.HTTPStatus(reply.status).phrase}"]
        head += [time.strftime("date: %a, %d %b %Y %H:%M:%S GMT", time.gmtime()), "server: uvicorn"]
        head.append("transfer-encoding: chunked" if stream else f"content-length: {len(whole)}")
        if reply.content_type:
            head.append(f"content-type: {reply.content_type}")
        if not keep:
            head.append("connection: close")
        writer.write("\r\n".join([*head, "", ""]).encode())
        sent = len(whole)
        if request.method != "HEAD":
            writer.write(whole)
        if stream is not None:
            async for chunk in stream:
                writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                sent += len(chunk)
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        self._counted(request, reply.status, sent, time.monotonic() - began)
        return keep


async def _or(task: "asyncio.Future[T]", otherwise: T) -> T:
    """What a task returns, or ``otherwise`` when it was cancelled or its connection broke."""
    try:
        return await task
    except (asyncio.CancelledError, ConnectionError):
        return otherwise


async def _read(reader: asyncio.StreamReader, ahead: bytes) -> Request | None:
    """The next request of a connection; None when it ends, idles or speaks no HTTP."""
    try:
        head = ahead + await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _KEEP_ALIVE)
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ValueError):
        return None
    return Request(method, target, headers, body)
