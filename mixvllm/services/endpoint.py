"""The toolkit's own endpoint of a run: its address is taken before anything is started."""

import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mixvllm.core.board import Board
from mixvllm.core.errors import MachineFault, PortTaken
from mixvllm.core.origin import Default, KeyPath
from mixvllm.services.preflight import listen
from mixvllm.settings.engine import absolute
from mixvllm.settings.keyfile import UnusableKeyFile, read_key
from mixvllm.settings.resolve import Resolved

if TYPE_CHECKING:
    from mixvllm.gpu.inventory import GpuInventory
    from mixvllm.ops.server import Endpoint

_TOKEN: Final[KeyPath] = ("ops", "token_file")
_PORT: Final[KeyPath] = ("ops", "port")


@dataclass(frozen=True, slots=True)
class Address:
    """Where the endpoint will answer; it listens already."""

    host: str
    listening: socket.socket
    token: str | None

    @property
    def port(self) -> int:
        """The port, as the system has it."""
        port: int = self.listening.getsockname()[1]
        return port

    def serve(
        self,
        board: Callable[[], Board],
        now: Callable[[], float],
        cards: "Callable[[], Awaitable[GpuInventory | None]]",
    ) -> "Endpoint":
        """Answer from now on; to be called on a running loop."""
        from mixvllm.ops.server import Endpoint, Source

        source = Source(board, now, cards)
        return Endpoint([self.listening], source, host=self.host, token=self.token)


def take_endpoint(resolved: Resolved) -> tuple[Address | None, str]:
    """Take the endpoint's address; or none, and a sentence why it is not served.

    Nobody wrote the port 8001 down: a second run on this machine goes on without an endpoint.

    Raises:
        MachineFault: the token cannot be read, or an address that was asked for cannot be had.
    """
    if resolved.profile is None or not resolved.profile.ops.enabled:
        return None, ""
    ops, server = resolved.profile.ops, resolved.profile.server
    token = _token(resolved)
    by_default = isinstance(resolved.origin(_PORT), Default)
    if by_default and ops.port == server.port:
        return None, f"ops: no endpoint, server.port is {server.port}; set ops.port to another"
    try:
        return Address(ops.host, listen(ops.host, ops.port, key="ops.port"), token), ""
    except PortTaken as taken:
        if not by_default:
            raise
        return None, f"ops: no endpoint, {taken}; {taken.hint}"


def _token(resolved: Resolved) -> str | None:
    name = resolved.value(*map(str, _TOKEN))
    if name is None:
        return None
    path = absolute(str(name), resolved.origin(_TOKEN))
    try:
        return read_key(path)
    except UnusableKeyFile as why:
        raise MachineFault(
            f"ops.token_file: {path} {why}", hint="put the token into it, on one line"
        ) from None
