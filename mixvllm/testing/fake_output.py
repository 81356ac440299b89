"""Writing as vLLM's processes do: straight to the pipe, and blocked while nobody reads it."""

import os
from contextlib import suppress

STDOUT, STDERR = 1, 2
USAGE = "usage: vllm serve [model_tag] [options]"


class StartFailed(Exception):
    """The process cannot go on; the text is what vLLM would give as the cause."""


class UsageFault(Exception):
    """The command line cannot be read; vLLM exits 2 with this text after its usage."""

    def __init__(self, text: str, *, usage: str = USAGE) -> None:
        super().__init__(text)
        self.usage = usage


def write(fd: int, text: str | bytes) -> None:
    """Write all of it, waiting for a reader if need be; a closed pipe is no error (run h7)."""
    data = text.encode(errors="replace") if isinstance(text, str) else text
    with suppress(OSError):
        while data:
            data = data[os.write(fd, data) :]


def traceback(error: str, *frames: tuple[str, int, str, str]) -> str:
    """A Python traceback as text; a frame is file, line, function, code."""
    lines = ["Traceback (most recent call last):"]
    for path, number, function, code in frames:
        lines += [f'  File "{path}", line {number}, in {function}', f"    {code}"]
    return "\n".join([*lines, error])
