import os
import termios

from mixvllm.panes.tty import Tty
from mixvllm.testing.emulator import Emulator


def test_the_mode_is_taken_and_given_back() -> None:
    with Emulator() as emulator:
        tty = Tty(emulator.terminal, emulator.terminal)
        before = termios.tcgetattr(emulator.terminal)
        tty.take()
        tty.take()  # the second time must not save what the first has set
        during = termios.tcgetattr(emulator.terminal)
        assert not during[3] & (termios.ICANON | termios.ECHO)
        assert during[3] & termios.ISIG  # Ctrl-C stays a signal
        assert during[0] == before[0]  # and ^S stops the output
        tty.give_back()
        assert termios.tcgetattr(emulator.terminal) == before


def test_a_read_never_waits() -> None:
    with Emulator() as emulator:
        tty = Tty(emulator.terminal, emulator.terminal)
        tty.take()
        assert tty.read() == b""
        emulator.type(b"q")
        assert tty.read() == b"q"
        emulator.hang_up()
        assert tty.read() is None
        tty.give_back()  # nothing to restore, and no error


def test_without_a_keyboard_there_is_nothing_to_read_or_set() -> None:
    with Emulator() as emulator:
        before = termios.tcgetattr(emulator.terminal)
        tty = Tty(emulator.terminal, None)
        tty.take()
        assert termios.tcgetattr(emulator.terminal) == before
        assert tty.read() is None


def test_the_size_is_asked_every_time() -> None:
    with Emulator(100, 30) as emulator:
        tty = Tty(emulator.terminal, None)
        assert tty.size() == (100, 30)
        emulator.resize(40, 10)
        assert tty.size() == (40, 10)
        emulator.resize(0, 0)
        assert tty.size() == (80, 24)


def test_what_is_no_terminal_has_the_usual_size() -> None:
    reading, writing = os.pipe()
    assert Tty(writing, None).size() == (80, 24)
    os.close(reading)
    os.close(writing)


def test_a_terminal_without_job_control_is_ours() -> None:
    with Emulator() as emulator:
        assert Tty(emulator.terminal, None).is_ours()
