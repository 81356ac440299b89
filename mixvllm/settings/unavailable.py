"""The value that a key has when it could not be had."""

from typing import Final


class _Unavailable:
    """A value that could not be had; the finding is already there, so say nothing more."""

    def __repr__(self) -> str:
        return "unavailable"


Unavailable: Final = _Unavailable()
