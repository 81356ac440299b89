"""The writer against real terminals and pipes that nobody reads."""

import errno
import fcntl
import os
import re
import time
from collections.abc import Callable

from mixvllm.panes.screen import QUEUE, Frame, Screen, difference
from mixvllm.testing.emulator import Emulator

QUICK = 0.05  # seconds that a call may take at the most
LIMIT = 10.0


def usual(calls: int, call: Callable[[int], object]) -> float:
    """Seconds that nine in ten of these calls stay below: one may wait for a busy machine."""
    took = []
    for number in range(calls):
        begun = time.monotonic()
        call(number)
        took.append(time.monotonic() - begun)
    return sorted(took)[calls * 9 // 10]


def gap(missing: int) -> bytes:
    return b"<%d missing>\n" % missing


def test_an_unread_terminal_holds_up_nobody_and_the_gap_is_counted() -> None:
    with Emulator() as emulator:
        screen = Screen(emulator.terminal, gap=gap)
        many = QUEUE * 8
        took = usual(many, lambda n: screen.write(b"%06d %s\n" % (n, b"x" * 90)))
        assert took < QUICK
        assert screen.dropped > 0
        assert not screen.gone
        emulator.until(lambda: screen.flush(0))
        assert screen.write(b"after the gap\n")
        emulator.until(lambda: b"after the gap" in emulator.raw)
        expected = missing = 0
        for line in bytes(emulator.raw).split(b"\r\n")[:-2]:
            if told := re.fullmatch(rb"<(\d+) missing>", line):
                expected += int(told[1])
                missing += int(told[1])
            else:
                assert line == b"%06d %s" % (expected, b"x" * 90)
                expected += 1
        assert expected == many
        assert missing == screen.dropped
        assert screen.close(LIMIT)


def test_of_unread_frames_only_the_newest_is_drawn() -> None:
    with Emulator(40, 5) as emulator:
        screen = Screen(emulator.terminal)
        screen.write(b"." * 65536)  # more than a terminal holds: the writer blocks here
        frames = [Frame(tuple(b"%d-%d" % (n, row) for row in range(5)), 1) for n in range(500)]
        assert usual(500, lambda n: screen.show(frames[n])) < QUICK
        emulator.until(lambda: emulator.text == "499-0\n499-1\n499-2\n499-3\n499-4")
        assert emulator.raw.count(b"\x1b[1;1H") < 3
        assert screen.close(LIMIT)


def test_closing_takes_no_longer_than_it_may() -> None:
    with Emulator() as emulator:
        screen = Screen(emulator.terminal)
        screen.write(b"." * 200_000)
        begun = time.monotonic()
        assert not screen.close(0.2)
        assert 0.2 <= time.monotonic() - begun < 0.2 + LIMIT / 4
        assert not screen.write(b"too late")
        emulator.until(lambda: len(emulator.raw) == 200_000)
        assert screen.flush(LIMIT)


def test_closing_flushes_what_waits() -> None:
    with Emulator() as emulator:
        screen = Screen(emulator.terminal)
        screen.write(b"one ")
        screen.write(b"two")
        assert screen.close(LIMIT)
        emulator.until(lambda: bytes(emulator.raw) == b"one two")


def test_an_unused_screen_starts_no_thread_and_closes() -> None:
    screen = Screen(99)
    assert screen.close(0.0)
    assert screen.flush(0.0)


def test_a_terminal_that_is_hung_up_is_gone() -> None:
    with Emulator() as emulator:
        screen = Screen(emulator.terminal)
        screen.write(b"x" * 200_000)
        emulator.hang_up()
        assert screen.flush(LIMIT)
        assert screen.gone
        assert screen.why_gone == os.strerror(errno.EIO)
        assert not screen.write(b"more")
        screen.show(Frame((b"row",), 1))
        assert screen.close(0.0)


def test_a_pipe_without_reader_is_gone() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    screen = Screen(writing)
    screen.write(b"x")
    assert screen.flush(LIMIT)
    assert screen.gone
    assert screen.why_gone == os.strerror(errno.EPIPE)
    os.close(writing)


def test_the_flags_of_the_shared_terminal_are_left_alone() -> None:
    with Emulator() as emulator:
        fd = emulator.terminal
        before = fcntl.fcntl(fd, fcntl.F_GETFL)
        assert not before & os.O_NONBLOCK
        screen = Screen(fd)
        screen.write(b"x" * 100_000)
        screen.flush(0.1)
        assert fcntl.fcntl(fd, fcntl.F_GETFL) == before
        emulator.until(lambda: len(emulator.raw) == 100_000)
        screen.close(LIMIT)


def test_a_terminal_that_another_program_made_nonblocking_still_gets_all() -> None:
    with Emulator() as emulator:
        os.set_blocking(emulator.terminal, False)
        screen = Screen(emulator.terminal)
        screen.write(b"x" * 200_000)
        assert not screen.flush(0.1)
        emulator.until(lambda: len(emulator.raw) == 200_000)
        assert not screen.gone
        assert screen.close(LIMIT)


def test_the_difference_of_two_frames_is_the_rows_that_differ() -> None:
    old = Frame((b"a", b"b", b"c"), 1)
    assert difference(old, old) == b""
    update = difference(old, Frame((b"a", b"B", b"c"), 1))
    assert update == b"\x1b[?2026h\x1b[?7l\x1b[2;1HB\x1b[?7h\x1b[?2026l"
    for whole in (
        difference(None, old),
        difference(Frame(old.rows, 0), old),
        difference(Frame((b"a",), 1), old),
    ):
        assert b"\x1b[2J\x1b[1;1Ha\x1b[2;1Hb\x1b[3;1Hc" in whole
