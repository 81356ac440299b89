"""What takes its time is said on standard error: with a moving mark on a terminal, else once."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mixvllm.cli.streams import visible
from mixvllm.cli.text.style import Paint, Tone, wants_color

if TYPE_CHECKING:
    from threading import Event

_STEP = 0.2  # seconds
_WIDTH = 20
_USUAL = 20.0  # seconds that vLLM takes to say its options; the bar nears its end and waits there


class Progress:
    """Says on standard error what the operator waits for."""

    @contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """Shown until it is done; removed then, where it moved."""
        if not (sys.stderr.isatty() and wants_color(sys.stderr)):
            print(visible(what), file=sys.stderr, flush=True)
            yield
            return
        from threading import Event, Thread

        done = Event()
        mark = Thread(target=_move, args=(visible(what), done), daemon=True)
        mark.start()
        try:
            yield
        finally:
            done.set()
            mark.join()
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def warn(self, text: str) -> None:
        """One line."""
        paint = Paint(on=wants_color(sys.stderr))
        print(f"{paint('warning', Tone.DOUBTFUL)}: {visible(text)}", file=sys.stderr)


def _move(what: str, done: "Event") -> None:
    began = time.monotonic()
    while not done.wait(_STEP):
        passed = time.monotonic() - began
        full = round(_WIDTH * min(passed / _USUAL, 0.95))
        bar = "#" * full + "." * (_WIDTH - full)
        print(f"\r\x1b[K{what} [{bar}] {passed:.0f} s", end="", file=sys.stderr, flush=True)
