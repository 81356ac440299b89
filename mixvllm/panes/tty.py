"""The terminal as a device: its size, its mode, and whether it is ours to use.

Nothing here waits: modes are set with TCSANOW, for TCSADRAIN and TCSAFLUSH block for as
long as nobody reads the terminal. A process in the background must not touch the
mode or read (SIGTTOU and SIGTTIN would stop it), so every use asks first.
"""

import errno
import os
import select
import termios
from enum import Enum
from typing import Final

_UNKNOWN_SIZE: Final = (80, 24)  # what a terminal that does not tell is taken for
_LFLAG, _CC = 3, 6  # places in what tcgetattr returns


class Standing(Enum):
    """Whose a terminal is at the moment."""

    OURS = "ours"
    ELSEWHERE = "another job's"
    GONE = "hung up"


class Tty:
    """One terminal: ``out`` is written, ``keys`` is read (None: there is no keyboard)."""

    def __init__(self, out: int, keys: int | None) -> None:
        self._out = out
        self._keys = keys
        self._saved: list[int | list[bytes | int]] | None = None

    def standing(self) -> Standing:
        """Whether we are in the foreground; so we are where job control does not apply."""
        try:
            group = os.tcgetpgrp(self._out)
        except OSError as error:  # ENOTTY: not our controlling terminal, or none any more
            hung_up = error.errno != errno.ENOTTY or self._is_hung_up(self._out)
            return Standing.GONE if hung_up else Standing.OURS
        return Standing.OURS if group == os.getpgrp() else Standing.ELSEWHERE

    def is_ours(self) -> bool:
        """It may be read and set."""
        return self.standing() is Standing.OURS

    def size(self) -> tuple[int, int]:
        """Columns and rows, now."""
        try:
            columns, rows = os.get_terminal_size(self._out)
        except OSError:
            return _UNKNOWN_SIZE
        return (columns or _UNKNOWN_SIZE[0], rows or _UNKNOWN_SIZE[1])

    def take(self) -> None:
        """Keys one by one and without echo; ^C, ^Z and ^S keep their meaning."""
        if self._keys is None or self._saved is not None:
            return
        try:
            saved = termios.tcgetattr(self._keys)
            mode = termios.tcgetattr(self._keys)
            mode[_LFLAG] &= ~(termios.ICANON | termios.ECHO)
            mode[_CC] = list(mode[_CC])
            mode[_CC][termios.VMIN] = 0  # a read never waits
            mode[_CC][termios.VTIME] = 0
            termios.tcsetattr(self._keys, termios.TCSANOW, mode)
        except termios.error:
            return
        self._saved = saved

    def give_back(self) -> None:
        """The mode as it was found. In the background the shell has seen to that."""
        if self._keys is None or self._saved is None:
            return
        saved, self._saved = self._saved, None
        if self.is_ours():
            try:
                termios.tcsetattr(self._keys, termios.TCSANOW, saved)
            except termios.error:
                return  # hung up: no mode to restore

    def restart_output(self) -> None:
        """Undo a ^S, so that what gives the terminal back can get out.

        Linux lets TCOON end only what TCOOFF began, so that comes first
        (drivers/tty/tty_ioctl.c, n_tty_ioctl_helper).
        """
        if self.is_ours():
            try:
                termios.tcflow(self._out, termios.TCOOFF)
                termios.tcflow(self._out, termios.TCOON)
            except termios.error:
                return

    def read(self) -> bytes | None:
        """What was typed, perhaps nothing; None when the keyboard is gone."""
        if self._keys is None:
            return None
        try:
            data = os.read(self._keys, 1024)
        except BlockingIOError:
            return b""
        except OSError:
            return None
        if data:
            return data
        return None if self._is_hung_up(self._keys) else b""

    @staticmethod
    def _is_hung_up(fd: int) -> bool:
        poll = select.poll()
        poll.register(fd, 0)
        return bool(poll.poll(0))  # only POLLHUP, POLLERR and POLLNVAL come unasked
