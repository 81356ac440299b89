"""What a supervisor and a keeper say to each other over their socket.

One datagram is one message: a letter, then the rest (SOCK_SEQPACKET keeps the borders, and
unlike a stream it cannot be left half sent). Bytes of the log travel raw, all else as JSON.
"""

import json
from collections.abc import Iterator
from typing import Final

CHUNK: Final = 64 * 1024  # bytes of the log, or of a spec, in one message
LARGEST: Final = CHUNK + 1

# supervisor -> keeper
SPEC_PART: Final = b"p"
SPEC_END: Final = b"e"
SIGNAL: Final = b"s"  # number: to vLLM's first process
SWEEP: Final = b"w"  # seconds of grace: end the whole family

# keeper -> supervisor
STARTED: Final = b"S"
FAILED: Final = b"F"
OUTPUT: Final = b"o"
DROPPED: Final = b"d"
TROUBLE: Final = b"t"
EXITED: Final = b"x"
GONE: Final = b"g"


def message(kind: bytes, **fields: float | str | list[int] | None) -> bytes:
    """A keeper's message other than OUTPUT."""
    return kind + json.dumps(fields).encode()


def spec_messages(spec: bytes) -> Iterator[bytes]:
    """A spec in pieces: an environment may be larger than what the socket takes at once."""
    while len(spec) > CHUNK:
        yield SPEC_PART + spec[:CHUNK]
        spec = spec[CHUNK:]
    yield SPEC_END + spec
