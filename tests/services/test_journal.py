"""The record of a run: complete, small, and no reason to stop."""

import json
import multiprocessing
import os
import resource
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mixvllm.core.board import Board, Run, fold
from mixvllm.core.events import (
    Event,
    GaugesRead,
    LineLogged,
    MachineSampled,
    Noted,
    OutputSkipped,
    StateChanged,
)
from mixvllm.services.journal import Journal
from tests.engine.plays import eventually

RUN = Run("llama", "m", "llama.yaml", "http://127.0.0.1:8000", "0.32.0", "vllm.log")


def tell(journal: Journal, *events: Event) -> None:
    board = Board(RUN)
    for event in events:
        board = fold(board, event)
        journal.tell(event, board)


def written(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def test_what_changed_is_kept_and_figures_are_not(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    journal = Journal(path, pytest.fail)
    tell(
        journal,
        StateChanged(0.0, "starting", ""),
        LineLogged(0.1, "a secret prompt"),
        GaugesRead(0.2, running=1.0),
        MachineSampled(0.3),
        OutputSkipped(0.4, 3, "they came too fast to show"),
        Noted(0.5, "all is well"),
    )
    journal.draw(Board(RUN), 1.0)
    journal.close(Board(RUN))
    kinds = [event["event"] for event in written(path)]
    assert kinds == ["state_changed", "output_skipped", "noted"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@contextmanager
def small_files() -> Iterator[None]:
    """Files of this process may have 600 bytes: what a full disk or a quota does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_disk_that_takes_no_more_is_told_once_and_tried_again(tmp_path: Path) -> None:
    # In a child: the limit is also one for the file that pytest's own output may go to.
    child = multiprocessing.get_context("fork").Process(target=_lose_the_disk, args=(tmp_path,))
    child.start()
    child.join(30)
    assert child.exitcode == 0


def _lose_the_disk(folder: Path) -> None:
    with small_files():
        _write_to_a_full_disk(folder)


def _write_to_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    told: list[str] = []
    journal = Journal(path, told.append)
    board = Board(RUN)

    def lost() -> bool:
        tell(journal, Noted(1.0, "x" * 50))
        journal.draw(board, 1.0)
        return bool(told)

    eventually(lost, "a note about the disk")
    for _ in range(5):
        assert not lost() or len(told) == 1
    assert told == ["events.jsonl cannot be written: file too large; vLLM goes on"]
    os.truncate(path, 0)  # somebody made room
    journal.draw(board, 5.0)
    tell(journal, Noted(6.0, "too early"))
    journal.draw(board, 12.0)
    tell(journal, Noted(12.0, "well again"))
    journal.close(board)
    gap, last = written(path)
    assert gap["event"] == "output_skipped"
    assert int(str(gap["lines"])) >= 6
    assert last["text"] == "well again"
