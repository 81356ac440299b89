"""Pictures: exact size for any board, and what a few of them look like."""

import io
import string
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from mixvllm.core.board import Board, PhaseTime, Run, fold, fold_all
from mixvllm.core.events import (
    CardSampled,
    EngineSpawned,
    GaugesRead,
    HealthSeen,
    LineLogged,
    MachineSampled,
    Noted,
    StateChanged,
)
from mixvllm.core.phases import Phase
from mixvllm.panes.headline import MANNERS
from mixvllm.panes.view import Pane, picture
from mixvllm.testing.show_panes import RUN, script

SIZES = [(40, 10), (60, 20), (80, 24), (120, 40), (200, 50)]
TEXT = st.text(max_size=60) | st.text(
    alphabet="世界[]/\x1b\u0301\u202e\U0001f469\u200d é", max_size=300
)
NUMBER = st.floats() | st.integers(-(10**12), 10**12).map(float)
WHOLE = st.none() | st.integers(-5, 2**50)
TIME = st.floats(0, 1e9)


def times(size: int = 5) -> st.SearchStrategy[tuple[float, ...]]:
    return st.lists(NUMBER, max_size=size).map(tuple)


CARDS = st.builds(
    CardSampled,
    index=st.integers(0, 200),
    name=TEXT,
    memory_used_bytes=WHOLE,
    memory_total_bytes=WHOLE,
    utilization_percent=WHOLE,
    temperature_celsius=WHOLE,
    power_watts=st.none() | NUMBER,
    power_limit_watts=st.none() | NUMBER,
)
BOARDS = st.builds(
    Board,
    run=st.builds(
        Run, TEXT, TEXT, TEXT, TEXT, st.none() | TEXT, TEXT, st.none() | st.just(RUN.began)
    ),
    state=st.sampled_from([*MANNERS, ""]) | TEXT,
    reason=TEXT,
    pid=st.none() | st.integers(1, 2**22),
    attempt=st.integers(0, 50),
    spawned_at=st.none() | TIME,
    ready_at=st.none() | TIME,
    phases=st.lists(
        st.builds(PhaseTime, st.sampled_from(Phase), TIME, st.none() | TIME), max_size=7
    ).map(tuple),
    progress=st.none() | st.tuples(st.integers(-1, 10**6), st.integers(-1, 10**6)),
    progress_at=st.none() | TIME,
    facts=st.lists(st.tuples(TEXT, TEXT), max_size=4).map(tuple),
    healthy=st.none() | st.booleans(),
    health_detail=TEXT,
    gauges=st.none() | st.builds(GaugesRead, TIME, *[st.none() | NUMBER] * 7),
    rates=times(80),
    rate_times=times(80),
    cards=st.lists(CARDS, max_size=9).map(tuple),
    machine=st.none()
    | st.builds(MachineSampled, TIME, st.just(()), st.none() | NUMBER, WHOLE, WHOLE, WHOLE),
    load=times(80),
    load_times=times(80),
    tail=st.lists(TEXT, max_size=30).map(tuple),
    tail_times=st.lists(TIME, max_size=30).map(tuple),
    lines_skipped=st.integers(0, 10**6),
    notes=st.lists(TEXT, max_size=3).map(tuple),
    exit_status=st.none() | st.integers(-70, 255),
    killed=st.integers(0, 4),
    serving_since=st.none() | TIME,
)


@settings(max_examples=400, deadline=None)
@given(BOARDS, TIME, st.integers(1, 230), st.integers(1, 70), st.booleans(), st.sampled_from(Pane))
def test_any_board_fills_any_size_exactly(
    board: Board, now: float, width: int, height: int, ascii_only: bool, pane: Pane
) -> None:
    board = replace(
        board,
        rate_times=board.rate_times[: len(board.rates)],
        load_times=board.load_times[: len(board.load)],
    )
    seen = picture(board, now=now, width=width, height=height, ascii_only=ascii_only, pane=pane)
    assert len(seen.lines) == height
    for line in seen.lines:
        text = "".join(span.text for span in line)
        assert cell_len(text) == width
        assert "\n" not in text
        assert "\x1b" not in text
        assert not ascii_only or set(text) <= set(string.printable)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-1, -1)])
def test_no_room_is_no_picture(size: tuple[int, int]) -> None:
    assert picture(Board(RUN), now=0, width=size[0], height=size[1]).lines == ()


def shown(board: Board, size: tuple[int, int], *, ascii_only: bool = False) -> str:
    return picture(
        board, now=board.last, width=size[0], height=size[1], ascii_only=ascii_only
    ).plain()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", MANNERS)
def test_every_state_and_the_address_are_seen_first(state: str, size: tuple[int, int]) -> None:
    board = fold_all(Board(RUN), script("ready"))
    board = fold(board, StateChanged(board.last, state, "because of the reason"))
    top = "\n".join(shown(board, size).split("\n")[:4])
    assert top.index(state) < top.index(RUN.url) < top.index("because of the reason")


@pytest.mark.parametrize("size", SIZES)
def test_a_start_shows_its_phase_and_progress_everywhere(size: tuple[int, int]) -> None:
    text = shown(fold_all(Board(RUN), script("starting")), size)
    assert "weights 13 of 30" in text
    assert "about 9 s left" in text


@pytest.mark.parametrize("size", SIZES)
def test_a_ready_run_shows_requests_tokens_and_cache_everywhere(size: tuple[int, int]) -> None:
    text = shown(fold_all(Board(RUN), script("ready")), size)
    for figure in ("running 8", "waiting 0", "in 1 671 tok/s", "out 576 tok/s", "KV cache 35 %"):
        assert figure in text


def test_a_small_terminal() -> None:
    assert (
        shown(fold_all(Board(RUN), script("failed")), (40, 10))
        == """\
✗ failed  llama-8b              00:00:46
http://127.0.0.1:8000
one request of 131 072 tokens needs 16.0
GiB of KV cache, 4.5 GiB are free
E ValueError: To serve at least one
  request with the models's max seq len
  (131072), 16.00 GiB KV cache is
  needed, which is larger than the
  available 4.50 GiB.
q stop   l log   ? help"""
    )


def test_one_column() -> None:
    assert (
        shown(fold_all(Board(RUN), script("starting")), (60, 18))
        == """\
╭ llama-8b ─────────────────────── vLLM 0.32.0 ─ 00:00:32 ─╮
│ ◐ starting   http://127.0.0.1:8000                       │
│   weights 13 of 30 ██████████░░░░░░░░░░░░ about 9 s left │
│   profile profiles/llama.yaml                            │
├ start ───────────────────────────────────────────────────┤
│ ✓ imports   11 s ██████████████                          │
│ ✓ config   1.3 s ██                                      │
│ ✓ engine    13 s ███████████████                         │
│ ▸ weights    6 s ████████                                │
│ · warm-up                                                │
│ · serving                                                │
│ · canary                                                 │
├ log logs/llama-8b/engine.log ────────────────────────────┤
│ 09:12:24   Using max model len 32768                     │
│ 09:12:25   Initializing a V1 LLM engine (v0.32.0)        │
│ 09:12:38   Starting to load model meta-llama/Llama-3.1-… │
│ 09:12:45   Loading safetensors checkpoint shards:  43% … │
╰ q stop   l log   ? help ─────────────────────────────────╯"""
    )


def test_two_columns_in_ascii() -> None:
    assert (
        shown(fold_all(Board(RUN), script("ready")), (80, 17), ascii_only=True)
        == """\
+ llama-8b ------------------------------------------- vLLM 0.32.0 - 00:02:52 -+
| * ready   http://127.0.0.1:8000                                              |
|   start 53 s   restarts 0   profile profiles/llama.yaml                      |
+ requests --------------------------+ card -----------------------------------+
| running 8   waiting 0              | 0 H100 80GB HBM3       70.1 of 79.2 GiB |
| in 1 671 tok/s   out 576 tok/s     |    util  82 %  57 C  588 of 700 W       |
| KV cache 35 % #######............. | ==----------====+ util, last 16 s       |
| first token 84 ms                  |                                         |
| finished 357                       |                                         |
+ log logs/llama-8b/engine.log ------+-----------------------------------------+
| 09:15:00   127.0.0.1:52410 - "POST /v1/chat/completions" 200                 |
| 09:15:01   127.0.0.1:52410 - "POST /v1/chat/completions" 200                 |
| 09:15:02   127.0.0.1:52410 - "POST /v1/chat/completions" 200                 |
| 09:15:03   127.0.0.1:52410 - "POST /v1/chat/completions" 200                 |
| 09:15:04   127.0.0.1:52410 - "POST /v1/chat/completions" 200                 |
| 09:15:05   127.0.0.1:52410 - "POST /v1/chat/completions" 200                 |
+ q stop   l log   ? help -----------------------------------------------------+"""
    )


def test_wide_terminals_get_more_columns() -> None:
    board = fold_all(Board(RUN), script("ready"))
    for size, columns in (((60, 20), 1), ((80, 24), 2), ((120, 40), 2), ((200, 50), 3)):
        rule = shown(board, size).split("\n")[3]
        assert rule.count("┬") + 1 == columns


def test_nothing_is_shown_that_was_not_read() -> None:
    board = fold_all(
        Board(RUN),
        [
            EngineSpawned(0.0, 7, 1, ()),
            StateChanged(1.0, "ready", ""),
            GaugesRead(2.0),
            MachineSampled(2.0, (CardSampled(0, "X", None, None, None, None, None, None),)),
        ],
    )
    text = shown(board, (120, 40))
    assert "vLLM exports no figures" in text
    assert "0 X" in text
    for unread in ("tok/s", "util", "°C", " W", "GiB", "KV cache", " %"):
        assert unread not in text


def test_a_value_of_zero_that_was_read_is_shown() -> None:
    board = fold_all(
        Board(RUN),
        [
            EngineSpawned(0.0, 7, 1, ()),
            StateChanged(1.0, "ready", ""),
            GaugesRead(2.0, running=0, generation_tokens_per_second=0.0, kv_cache_usage=0.0),
        ],
    )
    text = shown(board, (80, 24))
    assert "running 0" in text
    assert "out 0 tok/s" in text
    assert "KV cache 0 %" in text
    assert "waiting" not in text


def test_the_engine_stands_where_there_are_no_cards() -> None:
    sample = MachineSampled(2.0, (), 148.0, 2 * 2**30, 16 * 2**30, 2)
    board = fold_all(Board(RUN), [EngineSpawned(0.0, 7, 1, ()), sample])
    text = shown(board, (80, 24))
    assert "CPU 148 % of 200 % (2 cores)" in text
    assert "memory 2.0 of 16.0 GiB" in text


def test_many_cards_on_few_rows_are_counted() -> None:
    cards = tuple(
        CardSampled(n, "NVIDIA H100", 70 * 2**30, 80 * 2**30, 97, 63, 612.0, 700.0)
        for n in range(16)
    )
    board = fold_all(Board(RUN), [EngineSpawned(0.0, 7, 1, ()), MachineSampled(2.0, cards)])
    text = shown(board, (80, 24))
    assert "0   70.0 of 80.0 GiB" in text
    told = text.count("70.0 of 80.0 GiB")
    assert 4 < told < 16
    assert f"and {16 - told} more cards" in text
    ready = fold(fold_all(Board(RUN), script("ready")), MachineSampled(200.0, cards))
    assert "│ 16 cards  " in shown(ready, (60, 17))
    wide = shown(board, (120, 50))
    assert wide.count("H100") == 16
    assert "more cards" not in wide


def test_brackets_are_no_markup_and_wide_characters_keep_the_border() -> None:
    run = replace(RUN, model="[bold]m[/bold]", name="[red]世界[/red]")
    board = fold_all(Board(run), [LineLogged(1.0, "[/x] 漢字かな交じり文 [link=x]")])
    text = shown(board, (80, 24))
    for literal in ("[bold]m[/bold]", "[red]世界[/red]", "[/x] 漢字かな交じり文 [link=x]"):
        assert literal in text
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(picture(board, now=board.last, width=80, height=24))
    file = console.file
    assert isinstance(file, io.StringIO)
    assert [line.rstrip() for line in file.getvalue().split("\n")][:24] == text.split("\n")


def test_health_and_notes_are_told() -> None:
    board = fold_all(
        Board(RUN),
        [
            EngineSpawned(0.0, 7, 1, ()),
            StateChanged(1.0, "ready", ""),
            HealthSeen(2.0, False, "no answer in 5 s"),
            Noted(3.0, "profile reloaded"),
        ],
    )
    for size in ((80, 24), (40, 12)):
        text = shown(board, size)
        assert "health check: no answer in 5 s" in text
        assert "note profile reloaded" in text


def test_the_log_fills_the_pane_and_wraps() -> None:
    line = "a" * 100 + "END"
    board = fold_all(Board(RUN), [LineLogged(1.0, line)] * 3)
    for size in ((80, 24), (40, 12)):
        seen = picture(board, now=1.0, width=size[0], height=size[1], pane=Pane.LOG).plain()
        assert seen.count("END") == 3
        assert "END" not in shown(board, size)


def test_help_names_the_keys() -> None:
    for size in ((80, 24), (40, 12)):
        seen = picture(Board(RUN), now=1.0, width=size[0], height=size[1], pane=Pane.HELP).plain()
        assert "q  stop vLLM cleanly" in seen
