"""Full-screen panes on a terminal.

The picture is drawn when asked, if the board, the second, the size or the pane has
changed; unchanged lines are neither encoded nor written. The terminal is taken at the
first drawing in the foreground and given back on close, on Ctrl-Z, and at exit.
"""

import asyncio
import atexit
import signal
import threading
from collections.abc import Callable
from typing import Final

from mixvllm.core.board import Board
from mixvllm.core.events import Event
from mixvllm.panes.encode import encode
from mixvllm.panes.ending import summary
from mixvllm.panes.keys import parse_keys
from mixvllm.panes.line import Line
from mixvllm.panes.screen import GIVE_BACK, TAKE, Frame, Screen
from mixvllm.panes.sink import Key
from mixvllm.panes.tty import Standing, Tty
from mixvllm.panes.view import Pane, picture

_PATIENCE: Final = 1.0  # seconds that closing waits for a terminal nobody reads
_PATIENCE_STOPPED: Final = 0.2  # and Ctrl-Z
_TOGGLES: Final = {Key.LOG: Pane.LOG, Key.HELP: Pane.HELP}


class Live:
    """The full-screen sink. It must be made and used in the thread of ``loop``.

    ``keys`` is the file descriptor of the keyboard, None for none; ``on_key`` is told
    of every key, after the panes have reacted to it.
    """

    def __init__(
        self,
        out: int,
        keys: int | None,
        *,
        loop: asyncio.AbstractEventLoop,
        on_key: Callable[[Key], None],
        color: bool = True,
        ascii_only: bool = False,
    ) -> None:
        self._tty = Tty(out, keys)
        self._keys = keys
        self._screen = Screen(out)
        self._loop = loop
        self._on_key = on_key
        self._color = color
        self._ascii_only = ascii_only
        self._pane = Pane.OVERVIEW
        self._taken = False
        self._stops_here = False  # our handlers of SIGTSTP and SIGCONT are set
        self._closed = False
        self._gone = False
        self._last: tuple[Board, float] | None = None
        self._drawn: tuple[Board, int, tuple[int, int], Pane] | None = None
        self._lines: tuple[Line, ...] = ()
        self._rows: tuple[bytes, ...] = ()
        self._series = 0

    @property
    def gone(self) -> bool:
        """The terminal was hung up; nothing is shown any more."""
        return self._gone or self._screen.gone

    def tell(self, event: Event, board: Board) -> None:
        """Nothing to do: the board has it, and the next drawing shows it."""

    def draw(self, board: Board, now: float) -> None:
        """Show the board as of ``now``; cheap when nothing of it can have changed."""
        self._last = (board, now)
        if self._closed or self.gone:
            return
        standing = self._tty.standing()
        if standing is not Standing.OURS:
            self._gone = standing is Standing.GONE
            self._lose()
            return
        if not self._taken:
            self._take()
        size = self._tty.size()
        drawn, self._drawn = self._drawn, (board, int(now), size, self._pane)
        if drawn is not None:
            if drawn[0] is board and drawn[1:] == self._drawn[1:]:
                return
            if drawn[2] != size:
                self._series += 1
        self._show(board, now, size)

    def close(self, board: Board) -> None:
        """Give the terminal back and say on it how the run ended."""
        if self._closed:
            return
        self._closed = True
        now = max(board.last, self._last[1] if self._last is not None else 0.0)
        self._leave()
        for line in summary(board, now, ascii_only=self._ascii_only):
            self._screen.write(encode(line, color=self._color) + b"\n")
        if not self._screen.close(_PATIENCE):
            self._tty.restart_output()
            self._screen.close(_PATIENCE)
        atexit.unregister(self._at_exit)

    def _show(self, board: Board, now: float, size: tuple[int, int]) -> None:
        width, height = size
        lines = picture(
            board,
            now=now,
            width=width,
            height=height,
            ascii_only=self._ascii_only,
            pane=self._pane,
        ).lines
        known = dict(zip(self._lines, self._rows, strict=True))
        rows = tuple(known.get(line) or encode(line, color=self._color) for line in lines)
        self._lines, self._rows = lines, rows
        self._screen.show(Frame(rows, self._series))

    def _take(self) -> None:
        """Alternate screen, keys, Ctrl-Z; everything is drawn anew."""
        self._taken = True
        self._series += 1
        self._drawn = None
        self._tty.take()
        self._screen.write(TAKE)
        if self._keys is not None:
            self._loop.add_reader(self._keys, self._read)
        atexit.register(self._at_exit)
        main = threading.current_thread() is threading.main_thread()  # only it may set handlers
        free = main and signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL
        if free and not self._stops_here:
            self._loop.add_signal_handler(signal.SIGTSTP, self._stop_here)
            self._loop.add_signal_handler(signal.SIGCONT, self._lose)
            self._stops_here = True

    def _lose(self) -> None:
        """Another job has the terminal, or had it: it is taken anew when it is ours again."""
        if self._taken:
            self._taken = False
            self._no_keys()
            self._tty.give_back()
            self._screen.forget_frame()

    def _leave(self) -> None:
        """The normal screen and the mode as they were."""
        self._screen.forget_frame()
        if self._taken:
            self._taken = False
            self._no_keys()
            self._screen.write(GIVE_BACK)
            self._tty.give_back()
        if self._stops_here and self._closed and not self._loop.is_closed():
            self._stops_here = False
            self._loop.remove_signal_handler(signal.SIGTSTP)
            self._loop.remove_signal_handler(signal.SIGCONT)

    def _stop_here(self) -> None:
        """Ctrl-Z: leave the terminal in order, then stop as the signal would have done."""
        self._leave()
        self._screen.flush(_PATIENCE_STOPPED)
        self._loop.remove_signal_handler(signal.SIGTSTP)
        signal.raise_signal(signal.SIGTSTP)  # returns when somebody continues us
        self._loop.add_signal_handler(signal.SIGTSTP, self._stop_here)

    def _at_exit(self) -> None:
        """The last resort when nobody closed us."""
        self._closed = True
        self._leave()
        self._screen.close(_PATIENCE)

    def _no_keys(self) -> None:
        if self._keys is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._keys)

    def _read(self) -> None:
        if not self._tty.is_ours():
            self._lose()  # a read in the background would stop us
            return
        data = self._tty.read()
        if data is None:
            self._no_keys()
            return
        for key in parse_keys(data):
            self._turn(key)
            self._on_key(key)

    def _turn(self, key: Key) -> None:
        """`l` and `?` open their pane or close it; escape returns."""
        pane = _TOGGLES.get(key, Pane.OVERVIEW)
        if key is Key.STOP or pane is self._pane is Pane.OVERVIEW:
            return
        self._pane = Pane.OVERVIEW if pane is self._pane else pane
        if self._last is not None:
            self.draw(*self._last)
