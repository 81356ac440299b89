import pytest

from mixvllm.panes.keys import parse_keys
from mixvllm.panes.sink import Key


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"q", (Key.STOP,)),
        (b"l?", (Key.LOG, Key.HELP)),
        (b"x", ()),
        (b"Q", ()),
        (b"", ()),
        (b"\x1b", (Key.BACK,)),
        (b"\x1b[A", ()),
        (b"\x1bOq", ()),  # a key of the keypad
        (b"\x1bq", ()),  # Alt-q
        (b"\x1b[1;5l", ()),
        (b"\x1b[<0;10;5Mq", (Key.STOP,)),  # a mouse report, then a key
        (b"\x1b[1;", ()),  # the rest comes with the next read
        (b"\xe4\xb8\x96", ()),
        (b"systemctl status q", ()),  # pasted into the wrong window
    ],
)
def test_keys(data: bytes, keys: tuple[Key, ...]) -> None:
    assert parse_keys(data) == keys
