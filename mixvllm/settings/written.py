"""What stands in a profile's text, to the letter: where the parsed value is not enough.

A secret in plain text and one that is filled in have the same value, and so have 1.10 and 1.1.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mixvllm.core.origin import FileSpan, Origin
from mixvllm.settings.tree import lines_of

_FILLED_IN: Final = re.compile(r"\$\{(?:env|file):(?P<body>[^}]*)\}")


def written(texts: Mapping[Path, str], origin: Origin) -> str | None:
    """The text at a place of a file, quotes included; None where no file has it."""
    if not isinstance(origin, FileSpan) or origin.path not in texts:
        return None
    lines = list(lines_of(texts[origin.path])[origin.line - 1 : origin.end_line])
    if len(lines) < origin.end_line - origin.line + 1:
        return None
    lines[-1] = lines[-1][: origin.end_column - 1]
    lines[0] = lines[0][origin.column - 1 :]
    return "\n".join(lines)


def is_filled_in(text: str) -> bool:
    """Whether a value comes from a variable or a file, without a default to read in the text."""
    found = list(_FILLED_IN.finditer(text))
    return bool(found) and not any(match["body"].partition(":-")[2] for match in found)
