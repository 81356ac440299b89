"""One HTTP/1.1 exchange with a server on this machine, over asyncio's streams.

Small on purpose: every two seconds for weeks, to a server that may hang in the middle of
anything. A connection is never kept and never closed politely, so none can be left behind.
"""

import asyncio
import re
import ssl
from dataclasses import dataclass
from typing import Final

_HEAD: Final = 64 * 1024  # bytes: uvicorn and h11 stop there, too
_STATUS: Final = re.compile(r"HTTP/1\.[01] (\d{3})(?: |$)")
_BODILESS: Final = (204, 304)


class Garbled(Exception):
    """What came back is no HTTP, or more than we take."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whole."""

    status: int
    body: bytes


async def exchange(
    address: str, port: int, request: bytes, *, tls: ssl.SSLContext | None, largest: int
) -> Reply:
    """Send ``request`` to a numeric address; the body may have ``largest`` bytes.

    Raises:
        OSError: nobody listens there, or the connection broke.
        EOFError: it hung up before it had finished.
        Garbled: it speaks something else.
    """
    reader, writer = await asyncio.open_connection(address, port, ssl=tls, limit=_HEAD)
    try:
        writer.write(request)
        return await _reply(reader, largest)
    finally:
        writer.transport.abort()


async def _reply(reader: asyncio.StreamReader, largest: int) -> Reply:
    status, fields = await _head(reader)
    while 100 <= status < 200:
        status, fields = await _head(reader)
    if status in _BODILESS:
        return Reply(status, b"")
    if "chunked" in fields.get("transfer-encoding", ""):
        return Reply(status, await _chunks(reader, largest))
    if "content-length" in fields:
        length = _number(fields["content-length"], 10, largest)
        return Reply(status, await reader.readexactly(length))
    return Reply(status, await _to_the_end(reader, largest))


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """The status and the header fields."""
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError:
        raise Garbled("it sends a head without an end") from None
    first, *lines = text.split("\r\n")
    status = _STATUS.match(first)
    if status is None:
        raise Garbled("it does not speak HTTP")
    fields = (line.partition(":") for line in lines)
    return int(status[1]), {name.strip().lower(): value.strip() for name, _, value in fields}


async def _chunks(reader: asyncio.StreamReader, largest: int) -> bytes:
    body = b""
    while True:
        size = (await _line(reader)).partition(";")[0]
        length = _number(size, 16, largest - len(body))
        if length == 0:
            return body  # what follows are trailers: nobody needs them
        body += await reader.readexactly(length)
        if await _line(reader):
            raise Garbled("its chunks do not fit their sizes")


async def _line(reader: asyncio.StreamReader) -> str:
    try:
        return (await reader.readuntil(b"\r\n"))[:-2].decode("latin-1")
    except asyncio.LimitOverrunError:
        raise Garbled("it sends a line without an end") from None


async def _to_the_end(reader: asyncio.StreamReader, largest: int) -> bytes:
    body = b""
    while part := await reader.read(_HEAD):
        body += part
        _number(str(len(body)), 10, largest)
    return body


def _number(text: str, base: int, largest: int) -> int:
    if not re.fullmatch(r"[0-9a-fA-F]{1,16}", text.strip()):
        raise Garbled("it does not say how much it sends")
    number = int(text, base)
    if number > largest:
        raise Garbled("it sends more than anybody asked for")
    return number
