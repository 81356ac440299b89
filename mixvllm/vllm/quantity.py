"""vLLM's human-readable integers: ``32k``, ``1.5m``, ``2K``.

Lower case is decimal and may have a fraction, upper case is binary and may not (vLLM 0.12.0 to
0.33.0, ``human_readable_int``): ``32k`` is 32000, ``32K`` is 32768.
"""

import re
from typing import Final

SUFFIXES: Final = "kKmMgGtT"  # of the newest releases; 0.12.0 had no t and no T
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([a-zA-Z])")


def human_integer(text: str, suffixes: str = SUFFIXES) -> int:
    """The integer vLLM reads. Raises ValueError, saying what is accepted.

    Args:
        text: as written in the profile.
        suffixes: the letters this release takes, as `Option.suffixes` has them.
    """
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match[2] not in suffixes:
        try:
            return int(text)
        except ValueError:
            raise ValueError(
                f"{text!r} is not a number vLLM reads; write e.g. 32768, 32k (32000) or "
                f"32K (32768); the letters are {', '.join(suffixes)}"
            ) from None
    number, suffix = match.groups()
    power = SUFFIXES.lower().index(suffix.lower()) // 2 + 1
    if suffix.islower():
        return int(float(number) * int(10 ** (3 * power)))  # in floating point, as vLLM does it
    if "." in number:
        raise ValueError(
            f"{text!r}: vLLM takes a fraction only before a small letter; "
            f"write {number}{suffix.lower()}, or the whole number"
        )
    return int(number) * (1 << 10 * power)
