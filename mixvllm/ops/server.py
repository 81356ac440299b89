"""The endpoint: /healthz /readyz /startupz /metrics /status, answered whatever the engine does.

It runs on the supervisor's loop and reads the board; nothing in it waits for the engine, and the
cards are asked by a process of their own (:mod:`mixvllm.gpu.watch`), in a thread.
"""

import asyncio
import hmac
import ipaddress
import json
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client.exposition import CONTENT_TYPE_LATEST
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from mixvllm.core.board import Board
from mixvllm.gpu.inventory import GpuInventory
from mixvllm.ops.answers import is_ready, is_started, status, why_not
from mixvllm.ops.exposition import card_metrics, exposition, run_metrics

_IDLE: Final = 75.0  # seconds that a connection may do nothing
_HEADERS: Final = 16 * 1024  # bytes
_BODY: Final = 1024  # bytes: nobody has to send any


@dataclass(frozen=True, slots=True)
class Source:
    """Where the answers come from. None of these may block but ``cards``, which is asked in a
    thread and returns within a second.
    """

    board: Callable[[], Board]
    now: Callable[[], float]  # seconds of the run
    cards: Callable[[], GpuInventory | None]


@dataclass(frozen=True, slots=True)
class _Guard:
    """Who may ask: by the name they call us, and by a token beyond this machine."""

    hosts: frozenset[str]
    token: str | None

    def knows(self, host: str) -> bool:
        """Whether a Host header is one of ours: a page elsewhere whose name was pointed at this
        address (DNS rebinding) is not.
        """
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return name.lower() in self.hosts
        return True

    def admits(self, authorization: str) -> bool:
        """Whether the token is right, or none is asked for."""
        if self.token is None:
            return True
        scheme, _, given = authorization.partition(" ")
        right = hmac.compare_digest(given.strip().encode(), self.token.encode())
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
            self.refuse(421, "this address is not known by that name")
        elif not self.guard.admits(self.request.headers.get("Authorization", "")):
            self.set_header("WWW-Authenticate", "Bearer")
            self.refuse(401, "a bearer token is needed: the one in ops.token_file")

    def refuse(self, code: int, why: str) -> None:
        self.set_status(code)
        self.say({"error": why})

    def say(self, document: dict[str, object]) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(document) + "\n")

    def write_error(self, status_code: int, **_: Any) -> None:
        self.say({"error": self._reason})


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
        inventory = await asyncio.to_thread(self.source.cards)
        board, now = self.source.board(), self.source.now()

        def families() -> Any:
            yield from run_metrics(board, now)
            if inventory is not None:
                yield from card_metrics(inventory)

        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(exposition(families()))

    head = get


class _Nothing(_Page):
    def get(self) -> None:
        self.refuse(404, "there is /healthz, /readyz, /startupz, /metrics and /status")

    head = get


_PAGES: Final = (
    ("/healthz", _Lives),
    ("/readyz", _Ready),
    ("/startupz", _Started),
    ("/metrics", _Metrics),
    ("/status", _Status),
    ("/.*", _Nothing),
)


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
        application = Application(
            [(path, page, what) for path, page in _PAGES],
            log_function=lambda _: None,  # the panes have no place for it
        )
        self._server = HTTPServer(
            application, idle_connection_timeout=_IDLE, max_header_size=_HEADERS,
            max_body_size=_BODY,
        )  # fmt: skip
        self._server.add_sockets(sockets)

    async def close(self) -> None:
        """No more answers; connections are closed."""
        self._server.stop()
        await self._server.close_all_connections()
