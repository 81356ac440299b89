"""vLLM's output as lines that are safe to show.

The bytes come from a pipe in pieces of any size. tqdm ends its lines with CR; libraries
colour theirs; a model's output, which vLLM may log, can hold anything. A line must move no
cursor, change no title and turn no text around, so every control character is dropped with
its sequence or made visible.
"""

import codecs
import re
from typing import Final

SHOWN: Final = 8 * 1024  # characters of one line
_KEPT: Final = 4 * SHOWN  # characters kept of a line, colours and all, before it is cleaned

_SEQUENCE: Final = re.compile(
    r"\x1b(?:"
    r"\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor (ECMA-48 5.4)
    r"|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC, DCS, SOS, PM, APC: titles, links, data
    r"|[ -/]+[0-~]"  # character sets
    r"|[0-OQ-WYZ\\`-~]"  # two characters, not the beginning of one of the above
    r")"
)
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but TAB, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # text direction (UAX 9)
    "\u2028\u2029\ufeff\ufff9-\ufffb"  # separators, byte order mark, annotations
    "\U000e0000-\U000e007f]"  # tags: text that no terminal shows
)


def _visible(match: re.Match[str]) -> str:
    number = ord(match[0])
    return (
        f"\\x{number:02x}"
        if number < 0x100
        else f"\\u{number:04x}"
        if number < 0x10000
        else f"\\U{number:08x}"
    )


def clean(line: str) -> str:
    """One line without escape sequences, other control characters written out, TAB as blanks."""
    if line.isprintable():
        return line.rstrip()
    return _UNSEEN.sub(_visible, _SEQUENCE.sub("", line)).replace("\t", "    ").rstrip()


class LineSplitter:
    """Bytes in, lines out. How the bytes were cut into pieces makes no difference."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._line = ""
        self._more = 0  # characters of this line that were not kept

    def feed(self, data: bytes) -> list[str]:
        """The lines that are complete by now; empty ones are left out."""
        *ended, rest = re.split(r"[\r\n]", self._decode(data))
        lines = []
        for text in ended:
            self._add(text)
            lines.append(self._take())
        self._add(rest)
        return [line for line in lines if line]

    def flush(self) -> list[str]:
        """The last line, if it did not end. Also where bytes are missing: no line spans a gap."""
        self._add(self._decode(b"", final=True))
        line = self._take()
        return [line] if line else []

    def _add(self, text: str) -> None:
        room = _KEPT - len(self._line)
        self._line += text[:room]
        self._more += max(0, len(text) - room)

    def _take(self) -> str:
        line = clean(self._line)
        hidden = self._more + max(0, len(line) - SHOWN)
        self._line, self._more = "", 0
        return f"{line[:SHOWN]} [+{hidden} characters]" if hidden else line
