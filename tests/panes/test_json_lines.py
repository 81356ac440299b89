import json
import math
import os
from dataclasses import replace
from pathlib import Path

import pytest

from mixvllm.core.board import Board, fold
from mixvllm.core.events import (
    CardSampled,
    EngineSpawned,
    Event,
    GaugesRead,
    LineLogged,
    MachineSampled,
    PhaseEntered,
)
from mixvllm.core.phases import Phase
from mixvllm.panes.json_lines import JsonLines, event_json
from mixvllm.testing.show_panes import RUN, script

BOARD = Board(RUN)


def test_the_shape_of_a_line() -> None:
    assert list(event_json(PhaseEntered(1.23, Phase.WEIGHTS), BOARD).items()) == [
        ("format_version", 1),
        ("event", "phase_entered"),
        ("at", 1.23),
        ("time", "2026-11-22T09:12:14.230+00:00"),
        ("run", "llama-8b"),
        ("phase", "weights"),
    ]


def test_without_a_beginning_there_is_no_time() -> None:
    board = Board(replace(RUN, began=None))
    assert event_json(PhaseEntered(1.23, Phase.WEIGHTS), board)["time"] is None


@pytest.mark.parametrize(
    ("event", "name", "fields"),
    [
        (
            EngineSpawned(0.0, 7, 1, ("vllm", "serve")),
            "engine_spawned",
            {"pid": 7, "attempt": 1, "command": ["vllm", "serve"]},
        ),
        (LineLogged(0.0, "[b] 漢"), "line_logged", {"text": "[b] 漢"}),
        (
            GaugesRead(0.0, running=math.nan, waiting=math.inf, kv_cache_usage=0.0),
            "gauges_read",
            {"running": None, "waiting": None, "kv_cache_usage": 0.0, "requests_finished": None},
        ),
    ],
)
def test_fields_stand_under_their_own_names(
    event: Event, name: str, fields: dict[str, object]
) -> None:
    seen = event_json(event, BOARD)
    assert seen["event"] == name
    assert {key: seen[key] for key in fields} == fields


def test_cards_are_objects() -> None:
    card = CardSampled(0, "H100", None, 80, 97, 63, 612.5, None)
    seen = event_json(MachineSampled(0.0, (card,)), BOARD)
    assert seen["cards"] == [
        {
            "index": 0,
            "name": "H100",
            "memory_used_bytes": None,
            "memory_total_bytes": 80,
            "utilization_percent": 97,
            "temperature_celsius": 63,
            "power_watts": 612.5,
            "power_limit_watts": None,
        }
    ]


def test_every_event_of_a_run_is_one_line(tmp_path: Path) -> None:
    out = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    sink = JsonLines(out)
    board = BOARD
    events = script("failed")
    for event in events:
        board = fold(board, event)
        sink.tell(event, board)
        sink.draw(board, event.at)
    sink.close(board)
    os.close(out)
    seen = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [line["at"] for line in seen] == [event.at for event in events]
    assert {line["format_version"] for line in seen} == {1}


def test_a_gap_is_an_event() -> None:
    reading, writing = os.pipe()
    sink = JsonLines(writing)
    event = LineLogged(1.0, "x" * 500)
    for _ in range(20_000):
        sink.tell(event, BOARD)
    data = b""
    while b"output_skipped" not in data or not data.endswith(b"\n"):
        data += os.read(reading, 65536)
    gap = next(
        line for line in map(json.loads, data.splitlines()) if line["event"] != "line_logged"
    )
    assert gap["lines"] > 1000
    assert gap == {
        "format_version": 1,
        "event": "output_skipped",
        "at": None,
        "time": None,
        "run": None,
        "lines": gap["lines"],
        "why": "nobody read them",
    }
    os.close(reading)
    sink.close(BOARD)
    os.close(writing)
