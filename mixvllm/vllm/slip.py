"""Whether a word is another one mistyped, and nothing else: then it may be mended unasked.

Narrower than :mod:`mixvllm.vllm.nearest`, whose suggestions a person judges. Letter by letter
``min-model-len`` is as near to max-model-len as a typing error would be, and ``fp9`` to fp8; so
short words and digits must be right.
"""

import re
from collections.abc import Iterable
from typing import Final

_DIVIDERS: Final = re.compile(r"[-_. ]+")
_SHORTEST: Final = 4  # letters of a word in which one slip is forgiven,
_LONG: Final = 8  # and of one in which two are
_MOST: Final = 2  # slips in all


def is_slip(written: str, meant: str, known: Iterable[str]) -> bool:
    """Whether ``written`` is ``meant``, mistyped, and none other of the ``known`` words."""
    return _slipped(written, meant) and not any(
        _slipped(written, other) for other in known if _joined(other) != _joined(meant)
    )


def _slipped(written: str, meant: str) -> bool:
    one, other = _words(written), _words(meant)
    if "".join(one) == "".join(other):
        return True
    if len(one) != len(other) or abs(len(written) - len(meant)) > _MOST:
        return False
    slips = 0
    for mistyped, word in zip(one, other, strict=True):
        if mistyped == word:
            continue
        if len(word) < _SHORTEST or _digits(mistyped) != _digits(word):
            return False
        slips += (count := _edits(mistyped, word))
        if count > (2 if len(word) >= _LONG else 1):
            return False
    return slips <= _MOST


def _words(text: str) -> list[str]:
    return [word for word in _DIVIDERS.split(text.lower()) if word]


def _joined(text: str) -> str:
    return "".join(_words(text))


def _digits(word: str) -> str:
    return re.sub(r"\D", "", word)


def _edits(one: str, other: str) -> int:
    from mixvllm.vllm.nearest import edits  # 3 ms, and most profiles have no typing error

    return edits(one, other)
