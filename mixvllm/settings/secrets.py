"""What counts as a secret: by the name of its key, or by its form."""

import re
from typing import Final

_NAME: Final = re.compile(
    r"(?i)(token|secret|password|passwd|api_?k\w*|access_?key|credential)s?(_id)?$"
)
_LINE: Final = re.compile(
    r"""(?ix)
    ([\w-]*(?:api[_-]?k|secret|passw|credential|access[_-]?key|token(?!s|iz))[\w-]*["']?\s*[:=]\s*)
    (?!["']?\$\{)(\S.*)$
    """
)
_FORM: Final = re.compile(
    r"\b(?:hf_[A-Za-z0-9]{8,}|sk-[A-Za-z0-9_-]{8,}|gh[pousr]_[A-Za-z0-9]{20,})"
)


def is_secret_name(name: str) -> bool:
    """Whether a variable or key of this name holds a secret: HF_TOKEN, VLLM_API_KEY ..."""
    return _NAME.search(name.replace("-", "_")) is not None


def redact(line: str) -> str:
    """A line of a profile or a log as it may be shown; secrets become stars of the same width."""
    line = _FORM.sub(lambda found: "*" * len(found[0]), line)
    match = _LINE.search(line)
    if match is None or re.search(r"(?i)(file|path|name)[\"']?\s*[:=]\s*$", match[1]):
        return line
    return line[: match.start(2)] + "*" * len(match[2]) + line[match.end(2) :]
