"""How the processes of the fake engine talk: one JSON object a line over a socket pair.

vLLM uses ZeroMQ and pipes; what matters here is the same: a peer that dies is seen as
an end of file, and a peer that is stopped is not seen at all.
"""

import json
import select
import socket
from typing import TypedDict


class Token(TypedDict):
    """One token of one sequence, on its way to the API server."""

    id: int
    text: str
    finish_reason: str | None
    stop_reason: str | None
    scheduled_at: float  # time.monotonic() when the sequence began to run


class Message(TypedDict, total=False):
    """Every message of every pair; ``op`` says which of the fields are there."""

    op: str
    # add, abort (API server to engine)
    id: int
    prompt: str
    prompt_tokens: int
    limit: int
    ignore_eos: bool
    stop: list[str]
    # ready (engine to API server)
    workers: list[int]
    kv_tokens: int
    # out (engine to API server): the state after a step
    tokens: list[Token]
    running: int
    waiting: int
    kv_usage: float
    prefill_tokens: int


class Channel:
    """One end of a pair. ``closed`` turns true when the other end is gone."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.closed = False
        self._rest = b""

    def fileno(self) -> int:
        """For select and add_reader."""
        return self.sock.fileno()

    def send(self, message: Message) -> bool:
        """False, and ``closed``, when nobody is there to read it."""
        try:
            self.sock.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            self.closed = True
        return not self.closed

    def receive(self) -> list[Message]:
        """What has arrived; blocks when nothing has. Empty with ``closed``: the peer is gone."""
        try:
            data = self.sock.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self.closed = True
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def waits(self, seconds: float) -> bool:
        """True when something (a message or the end) can be received within ``seconds``."""
        return bool(select.select([self.sock], [], [], seconds)[0])


def pair() -> tuple[Channel, Channel]:
    """Two connected ends."""
    left, right = socket.socketpair()
    return Channel(left), Channel(right)
