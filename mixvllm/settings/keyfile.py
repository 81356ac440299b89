"""The file that `server.api_key_file` names: one line, the key."""

from pathlib import Path
from typing import Final

from mixvllm.core.regular_file import Unreadable, read_beginning

_LARGEST: Final = 64 * 1024  # bytes: a key, not a data set; the limit of ${file:PATH}, too


class UnusableKeyFile(Exception):
    """Why no key can be had from the file, in words that follow its name."""


class EmptyKeyFile(UnusableKeyFile):
    """There is no key in it: the API would stand open."""


def read_key(path: Path) -> str:
    """The key. Only a regular file is read: a pipe would be waited for, and gives once only.

    Raises:
        EmptyKeyFile: nothing but white space stands in it.
        UnusableKeyFile: it is not there, cannot be read, or holds something else.
    """
    try:
        return _key(read_beginning(path, at_most=_LARGEST + 1))
    except FileNotFoundError:
        raise UnusableKeyFile("is not there") from None
    except Unreadable as why:
        raise UnusableKeyFile(str(why)) from None


def _key(raw: bytes) -> str:
    if len(raw) > _LARGEST:
        raise UnusableKeyFile(f"is larger than {_LARGEST // 1024} KiB: that is no key")
    try:
        key = raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise UnusableKeyFile("is not UTF-8 text") from None
    if not key:
        raise EmptyKeyFile("is empty")
    if len(key.splitlines()) > 1:
        raise UnusableKeyFile("holds more than one line; the key is one")
    if "\0" in key:
        raise UnusableKeyFile("holds a NUL character, which no variable can")
    return key
