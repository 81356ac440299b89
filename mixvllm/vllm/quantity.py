"""vLLM's human-readable integers: ``32k``, ``1.5M``, ``2K``.

Lower case is decimal and may have a fraction, upper case is binary and may not (vLLM 0.12.0 to
0.33.0, ``human_readable_int``): ``32k`` is 32000, ``32K`` is 32768.
"""

import re

_POWERS = {letter: power for power, letter in enumerate("kmgt", start=1)}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([kmgt])", re.IGNORECASE)


def human_integer(text: str) -> int:
    """The integer vLLM reads. Raises ValueError, saying what is accepted."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        try:
            return int(text)
        except ValueError:
            raise ValueError(
                f"{text!r} is not a number vLLM reads; write e.g. 32768, 32k (32000) or 32K (32768)"
            ) from None
    number, suffix = match.groups()
    power = _POWERS[suffix.lower()]
    if suffix.islower():
        return int(float(number) * int(10 ** (3 * power)))  # in floating point, as vLLM does it
    if "." in number:
        raise ValueError(
            f"{text!r}: vLLM takes a fraction only before a small letter; "
            f"write {number}{suffix.lower()}, or the whole number"
        )
    return int(number) * (1 << 10 * power)
