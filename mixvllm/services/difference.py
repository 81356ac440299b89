"""What an edit of a profile changed, as a unified diff for a person to read."""

import difflib
from pathlib import Path


def difference(path: Path, before: str, after: str) -> str:
    """The diff of two texts of a file; empty where they are the same.

    Only texts that may be shown (``Resolved.texts_shown``): a plain secret in them is stars.
    """
    name = str(path) if str(path).isprintable() else ascii(str(path))
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(_lines(before), _lines(after), name, name)
    )


def _lines(text: str) -> list[str]:
    """The lines as `diff` counts them: only a line feed ends one."""
    pieces = text.split("\n")
    return [*(f"{line}\n" for line in pieces[:-1]), *filter(None, pieces[-1:])]
