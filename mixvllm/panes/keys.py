"""Bytes from the keyboard to keys with a meaning."""

import re
from typing import Final

from mixvllm.panes.sink import Key

_SEQUENCE: Final = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO.|\x1b[^\[O]|\x1b\[[0-?]*[ -/]*$")
_PASTE: Final = 3  # more printable characters than this at once were not typed
_KEYS: Final = {b"q"[0]: Key.STOP, b"l"[0]: Key.LOG, b"?"[0]: Key.HELP}


def parse_keys(data: bytes) -> tuple[Key, ...]:
    """The keys in one read of the terminal.

    Arrow and function keys, mouse and focus reports are escape sequences whose letters
    mean nothing to us. A paste into the wrong window must not stop a service either.
    """
    if data == b"\x1b":
        return (Key.BACK,)
    typed = _SEQUENCE.sub(b"", data)
    if len(typed) > _PASTE:
        return ()
    return tuple(_KEYS[byte] for byte in typed if byte in _KEYS)
