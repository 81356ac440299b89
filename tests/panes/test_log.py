from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mixvllm.core.board import Board, Run, fold, fold_all
from mixvllm.core.events import LineLogged, OutputSkipped
from mixvllm.panes.line import Line
from mixvllm.panes.log import Entry, heading, pages, parse_entry, tail
from mixvllm.panes.look import Look
from mixvllm.panes.symbols import UNICODE
from mixvllm.panes.tones import Tone

RUN = Run("n", "m", "p", "u", None, "engine.log", datetime(2026, 11, 22, 9, 0, tzinfo=UTC))
LOOK = Look(0.0, UNICODE)


def board(*lines: str) -> Board:
    return fold_all(Board(RUN), [LineLogged(float(n), line) for n, line in enumerate(lines)])


def texts(lines: list[Line]) -> list[str]:
    return ["".join(span.text for span in line) for line in lines]


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        (
            "(EngineCore pid=10485) INFO 11-22 07:38:18 [core.py:133] Initializing [x]",
            Entry("EngineCore", "INFO", "07:38:18", "Initializing [x]"),
        ),
        (
            "WARNING 11-22 07:38:37 [vllm.py:725] Model Runner",
            Entry("", "WARNING", "07:38:37", "Model Runner"),
        ),
        (
            "(APIServer pid=9685) INFO 11-22 07:37:58 [api_utils.py:347] ",
            Entry("APIServer", "INFO", "07:37:58", ""),
        ),
        (
            '(APIServer pid=1) INFO:     127.0.0.1:5 - "GET /health" 200',
            Entry("APIServer", "INFO", "", '127.0.0.1:5 - "GET /health" 200'),
        ),
        ("(Worker_TP0 pid=7) Loading: 40%", Entry("Worker_TP0", "", "", "Loading: 40%")),
        ("INFORMAL text (x pid=1)", Entry("", "", "", "INFORMAL text (x pid=1)")),
        ("", Entry("", "", "", "")),
        ("two\nlines", Entry("", "", "", "two\nlines")),
    ],
)
def test_the_head_of_a_line_is_taken_apart(line: str, entry: Entry) -> None:
    assert parse_entry(line) == entry


def test_a_line_without_a_time_has_the_time_of_its_arrival() -> None:
    seen = tail(board("first", "INFO 11-22 07:38:18 [a.py:1] second"), LOOK, 60, 5)
    assert texts(seen) == ["09:00:00   first", "07:38:18   second"]
    unknown = replace(board("first"), run=replace(RUN, began=None))
    assert texts(tail(unknown, LOOK, 60, 5)) == ["           first"]


def test_warnings_and_errors_are_marked() -> None:
    seen = tail(
        board("WARNING 11-22 07:38:18 [a.py:1] w", "ERROR 11-22 07:38:19 [a.py:1] e"), LOOK, 60, 5
    )
    assert texts(seen) == ["07:38:18 W w", "07:38:19 E e"]
    assert [span.tone for line in seen for span in line if span.text in ("W ", "E ")] == [
        Tone.DOUBTFUL,
        Tone.BROKEN,
    ]


def test_the_margin_gives_way_to_the_text() -> None:
    one = board("(Worker pid=7) ERROR 11-22 07:38:19 [a.py:1] e")
    assert texts(tail(one, LOOK, 40, 5)) == ["E e"]
    assert texts(tail(one, LOOK, 120, 5)) == ["07:38:19 Worker       E e"]


def test_only_the_last_state_of_a_bar_is_shown() -> None:
    lines = [f"(W pid=1) Loading shards: {n:3}% Completed | {n}/100" for n in range(0, 101, 20)]
    seen = board("before", *lines, "after", *lines)
    assert texts(tail(seen, LOOK, 40, 9)) == [
        "before",
        "Loading shards: 100% Completed | 100/100",
        "after",
        "Loading shards: 100% Completed | 100/100",
    ]
    assert len(pages(seen, LOOK, 60, 50)) == 14


def test_what_says_nothing_takes_no_row_of_the_tail() -> None:
    seen = board(
        "a",
        "",
        "  ",
        " ▄▄ ▄█ █     █     █ ▀▄▀ █  version 0.32.0",
        'INFO:     127.0.0.1:5 - "GET /health HTTP/1.1" 200 OK',
        'INFO:     127.0.0.1:5 - "GET /metrics HTTP/1.1" 200 OK',
        "b",
    )
    assert texts(tail(seen, LOOK, 40, 2)) == ["a", "b"]
    assert len(pages(seen, LOOK, 60, 9)) == 7  # the log alone has all


def test_a_question_that_failed_is_shown() -> None:
    line = '127.0.0.1:5 - "GET /health HTTP/1.1" 503 Service Unavailable'
    assert texts(tail(board(line), LOOK, 90, 2)) == ["09:00:00   " + line]


def test_pages_wrap_under_the_text() -> None:
    seen = pages(board("x" * 60), LOOK, 51, 5)
    assert texts(seen) == ["09:00:00   " + "x" * 40, " " * 11 + "x" * 20]
    assert texts(pages(board("x" * 60), LOOK, 51, 1)) == [" " * 11 + "x" * 20]


def test_the_heading_names_the_file_and_what_is_missing() -> None:
    assert texts([heading(board(), LOOK)]) == ["log engine.log"]
    seen = fold(board(), OutputSkipped(1.0, 12, "slow"))
    assert texts([heading(seen, LOOK)]) == ["log engine.log 12 lines not shown"]
