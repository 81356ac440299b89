"""What an edit of a profile changed, as a unified diff for a person to read."""

import difflib
from codecs import BOM_UTF8
from pathlib import Path

from mixvllm.settings.resolve import Resolved


def difference(path: Path, raw: bytes, before: Resolved, after: Resolved) -> str:
    """The diff of a profile whose bytes were ``raw``; empty where nothing changed.

    Of texts that may be shown (``Resolved.texts_shown``): a plain secret in them is stars.
    """
    mark = "\ufeff" if raw.startswith(BOM_UTF8) else ""
    old, new = (_lines(mark + resolved.texts_shown[path]) for resolved in (before, after))
    name = str(path) if str(path).isprintable() else ascii(str(path))
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(old, new, name, name)
    )


def _lines(text: str) -> list[str]:
    """The lines as `diff` counts them: only a line feed ends one."""
    pieces = text.split("\n")
    return [*(f"{line}\n" for line in pieces[:-1]), *filter(None, pieces[-1:])]
