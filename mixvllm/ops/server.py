"""The endpoint: /healthz /readyz /startupz /metrics /status, answered whatever the engine does.

It runs on the supervisor's loop and reads the board; nothing in it waits for the engine, and the
cards are asked by a process of their own (:mod:`mixvllm.gpu.watch`). Whoever reaches it may send
anything, as often as he likes: that must cost the supervisor neither its loop nor its descriptors.
"""

import hmac
import ipaddress
import json
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client.exposition import CONTENT_TYPE_LATEST
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream
from tornado.web import Application, RequestHandler

from mixvllm.core.board import Board
from mixvllm.gpu.inventory import GpuInventory
from mixvllm.ops.answers import is_ready, is_started, status, why_not
from mixvllm.ops.exposition import card_metrics, exposition, run_metrics

_IDLE: Final = 75.0  # seconds that a connection may do nothing
_HEADERS: Final = 16 * 1024  # bytes
_BODY: Final = 1024  # bytes: nobody has to send any
_BODY_TIME: Final = 5.0  # seconds
_BUFFER: Final = 64 * 1024  # bytes read ahead of a connection
_MOST: Final = 256  # connections: a quarter of the descriptors that a process usually has


@dataclass(frozen=True, slots=True)
class Source:
    """Where the answers come from. ``cards`` takes about a second at the most."""

    board: Callable[[], Board]
    now: Callable[[], float]  # seconds of the run
    cards: Callable[[], Awaitable[GpuInventory | None]]


@dataclass(frozen=True, slots=True)
class _Guard:
    """Who may ask: by the name they call us, and by a token beyond this machine."""

    hosts: frozenset[str]
    token: str | None

    def knows(self, host: str) -> bool:
        """Whether a Host header is one of ours: a page elsewhere whose name was pointed at this
        address (DNS rebinding) is not. It would not have the token, where there is one.
        """
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return self.token is not None or name.lower().removesuffix(".") in self.hosts
        return True

    def admits(self, authorization: str) -> bool:
        """Whether the token is right, or none is asked for."""
        if self.token is None:
            return True
        scheme, _, given = authorization.partition(" ")
        sent = given.strip().encode("latin-1", "replace")  # as tornado decoded it
        right = hmac.compare_digest(sent, self.token.encode())
        return right and scheme.lower() == "bearer"


class _Page(RequestHandler):
    """What all pages share: who may ask, and plain headers."""

    def initialize(self, source: Source, guard: _Guard) -> None:
        self.source = source
        self.guard = guard

    def set_default_headers(self) -> None:
        self.set_header("Server", "mixvllm")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def prepare(self) -> None:
        if not self.guard.knows(self.request.host):
            self.refuse(421, "not known by that name; use an address, or set ops.token_file")
        elif not self.guard.admits(self.request.headers.get("Authorization", "")):
            self.set_header("WWW-Authenticate", "Bearer")
            self.refuse(401, "a bearer token is needed: the one in ops.token_file")

    def refuse(self, code: int, why: str) -> None:
        self.set_status(code)
        self.say({"error": why})

    def say(self, document: dict[str, object]) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(document) + "\n")

    def write_error(self, status_code: int, **said: Any) -> None:
        if status_code == 405:
            self.set_header("Allow", "GET, HEAD")
        error = said["exc_info"][1] if status_code == 500 else self._reason
        self.say({"error": str(error)})

    def compute_etag(self) -> None:
        """None: an answer is true for now, and a probe wants its status rather than a 304."""


class _Lives(_Page):
    def get(self) -> None:
        self.say({"status": "ok"})

    head = get


class _Ready(_Page):
    def get(self) -> None:
        board = self.source.board()
        self.set_status(200 if is_ready(board) else 503)
        self.say({"ready": is_ready(board), **why_not(board)})

    head = get


class _Started(_Page):
    def get(self) -> None:
        board = self.source.board()
        self.set_status(200 if is_started(board) else 503)
        self.say({"started": is_started(board), **why_not(board)})

    head = get


class _Status(_Page):
    def get(self) -> None:
        self.say(status(self.source.board(), pid=os.getpid()))

    head = get


class _Metrics(_Page):
    async def get(self) -> None:
        inventory = await self.source.cards()
        board, now = self.source.board(), self.source.now()

        def families() -> Any:
            yield from run_metrics(board, now)
            if inventory is not None:
                yield from card_metrics(inventory)

        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(exposition(families()))

    head = get


class _Nothing(_Page):
    def prepare(self) -> None:
        super().prepare()
        if not self._finished:
            self.refuse(404, "there is /healthz, /readyz, /startupz, /metrics and /status")


_PAGES: Final = (
    ("/healthz", _Lives),
    ("/readyz", _Ready),
    ("/startupz", _Started),
    ("/metrics", _Metrics),
    ("/status", _Status),
)


class _Server(HTTPServer):
    """Has only so many connections: the oldest makes way for another.

    Whoever opens thousands would else take all descriptors of the supervisor, which needs some to
    see and to start its engine; and one who is turned away could be the probe that decides over us.
    """

    def initialize(self, *words: Any, **options: Any) -> None:
        super().initialize(*words, **options)
        self._streams: list[IOStream] = []

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        self._streams = [one for one in self._streams if not one.closed()]
        if len(self._streams) >= _MOST:
            self._streams.pop(0).close()
        self._streams.append(stream)
        super().handle_stream(stream, address)


class Endpoint:
    """Serves until :meth:`close`; to be made on a running loop."""

    def __init__(
        self, sockets: Sequence[socket.socket], source: Source, *, host: str, token: str | None
    ) -> None:
        """Listen on sockets that are bound already; ``host`` is a name that clients may use for
        this address, ``token`` what they must send (None: nothing).
        """
        hosts = frozenset({"localhost", "localhost.localdomain", host.lower()})
        what = {"source": source, "guard": _Guard(hosts, token)}
        logging.getLogger("tornado").setLevel(logging.CRITICAL)  # the panes have no place for it
        application = Application(
            [(path, page, what) for path, page in _PAGES],
            default_handler_class=_Nothing, default_handler_args=what,
            log_function=lambda _: None,
        )  # fmt: skip
        self._server = _Server(
            application, idle_connection_timeout=_IDLE, max_header_size=_HEADERS,
            max_body_size=_BODY, body_timeout=_BODY_TIME, max_buffer_size=_BUFFER,
        )  # fmt: skip
        self._server.add_sockets(sockets)

    async def close(self) -> None:
        """No more answers; connections are closed."""
        self._server.stop()
        await self._server.close_all_connections()
