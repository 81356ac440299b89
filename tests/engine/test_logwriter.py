"""The disk may be slow, or stand still: when we wait for it, and when no more."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mixvllm.engine.logfile import LogFile
from mixvllm.engine.logwriter import LogWriter
from tests.engine.plays import eventually

MIB = b"x" * (1024 * 1024 - 1) + b"\n"
Disk = tuple[LogWriter, list[tuple[int | None, int]], Callable[[], bytes]]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A log on a fifo that takes nothing until the third value is called; and the news."""
    path = tmp_path / "log"
    os.mkfifo(path)
    news: list[tuple[int | None, int]] = []
    writer = LogWriter(
        LogFile(str(path), max_bytes=0, keep=0), lambda number, lost: news.append((number, lost))
    )
    writer.start()
    reader = -1
    found = b""

    def move() -> bytes:
        nonlocal reader, found
        if reader < 0:
            reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            while piece := os.read(reader, 1 << 20):
                found += piece
        except BlockingIOError:
            pass
        return found

    yield writer, news, move
    while writer.close(0.01):
        move()
    os.close(reader)


def test_it_waits_for_a_disk_that_is_slow(disk: Disk) -> None:
    writer, news, move = disk
    writer.offer(MIB, 0.0)
    assert not writer.full(0.1)
    writer.offer(MIB, 0.1)
    assert writer.full(0.2)
    assert writer.full(1.9)
    move()
    eventually(lambda: move() and not writer.full(2.0), "room")
    assert news == []


def test_it_does_not_wait_for_a_disk_that_stands_still(disk: Disk) -> None:
    writer, news, move = disk
    writer.offer(MIB, 0.0)
    writer.offer(MIB, 0.0)
    assert not writer.full(2.1)
    assert writer.stalled
    assert news == [(errno.ETIMEDOUT, 0)]
    writer.offer(b"lost\n", 2.2)
    writer.offer(b"lost\n", 2.3)
    eventually(lambda: move() and not writer.full(2.4) and not writer.stalled, "the disk")
    assert news == [(errno.ETIMEDOUT, 0), (None, 10)]
    writer.offer(b"kept\n", 2.5)
    end = b"\n[mixvllm: 10 bytes are missing here: the disk stood still]\nkept\n"
    eventually(lambda: move() == MIB + MIB + end, "the rest")


def test_a_burst_after_a_quiet_hour_is_no_standstill(disk: Disk) -> None:
    writer, news, move = disk
    writer.offer(b"x", 0.0)
    eventually(lambda: move() == b"x" and not writer.full(1.0), "one byte")
    writer.offer(MIB, 3600.0)
    writer.offer(MIB, 3600.0)
    writer.full(3600.1)
    assert not writer.stalled
    assert news == []


def test_what_the_disk_did_not_take_is_counted_at_the_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    writer = LogWriter(LogFile(str(tmp_path / "log"), max_bytes=0, keep=0), lambda *_: None)
    writer.start()
    writer.offer(b"12345", 0.0)
    assert writer.close(0.05) == 5
    reader = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)
    eventually(lambda: writer.close(0.05) == 0, "the last bytes")
    assert os.read(reader, 100) == b"12345"
    os.close(reader)
