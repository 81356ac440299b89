"""The API server: tools, reasoning, TLS, logs, data-parallel roles."""

from collections.abc import Mapping
from typing import Final

# A rule's file, and the options that call it up.
RULES: Final[Mapping[str, tuple[str, ...]]] = {
    "auto_tool_choice": ("enable-auto-tool-choice",),
    "log_outputs": ("enable-log-outputs",),
}
