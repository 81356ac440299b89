"""The screen of --watch, and its lines."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.cli.text.cells import width_of
from mixvllm.cli.text.gpus_history import History
from mixvllm.cli.text.gpus_watch import Look, changes, picture
from mixvllm.core.diagnostic import Severity
from mixvllm.gpu.inventory import FIELDS, Gpu, GpuInventory, GpuUtilization, Problem
from tests.cli.text.inventories import TAKEN, card, inventory, process, texts

LOST = Problem("card-lost", "card 1 no longer answers", "reboot", 1, Severity.ERROR)
NO_DRIVER = Problem("driver-not-loaded", "the driver is not loaded", "load it", None)
DEAD = Gpu(1, unavailable=dict.fromkeys(FIELDS, "the card is lost"))


def busy(percent: int | None, *more: Gpu, problems: tuple[Problem, ...] = ()) -> GpuInventory:
    return inventory(card(0, utilization=GpuUtilization(percent, 0)), *more, problems=problems)


def shown(
    taken: GpuInventory | None, history: History | None = None, **look: int | bool
) -> list[str]:
    asked = Look(**{"width": 100, "height": 14, "interval": 1.0, **look})  # type: ignore[arg-type]
    return texts(picture(taken, history or History(), asked))


def test_a_card_with_its_last_minute() -> None:
    history = History()
    for at, percent in enumerate((0, None, 50, 100)):
        history.add(busy(percent), float(at))
    lines = shown(busy(100), history)
    assert lines[0].startswith(" gpus   driver 580.95.05, CUDA 13.0, 1 card ")
    assert lines[3].split()[:8] == ["0", "H100", "80GB", "HBM3", "8.0", "of", "80.0", "GiB"]
    assert lines[4].split() == ["util", "██████████", "▁", "▅█", "memory", "█░░░░░░░░░", "▂▂▂▂"]
    assert lines[-1] == " q stop   every 1 s, curves of 25 s"
    assert len(lines) == 14


def test_a_minute_is_kept_and_no_more() -> None:
    history = History()
    for at in range(100):
        history.add(busy(100 if at < 40 else 0), float(at))
    assert history.load(card(0), 63) == "  █" + "▁" * 60  # 39 to 99
    assert history.load(card(5), 3) == "   "


def test_a_card_that_comes_back_goes_on() -> None:
    history = History()
    history.add(busy(100), 0.0)
    history.add(inventory(), 1.0)
    history.add(busy(0), 2.0)
    assert history.load(card(0), 2) == "█▁"


def test_what_is_wrong_is_said_below_the_cards() -> None:
    lines = shown(busy(5, DEAD, problems=(LOST,)))
    assert " 1     no longer answers" in lines
    assert lines[lines.index(" card 1 no longer answers") + 1] == "   reboot"


def test_before_the_first_answer_and_without_a_driver() -> None:
    assert shown(None)[2].startswith(" the driver is being asked")
    assert shown(inventory(problems=(NO_DRIVER,)))[2:4] == [
        " the driver is not loaded",
        "   load it",
    ]


def test_curves_go_where_there_is_no_room_for_those_of_all() -> None:
    many = inventory(*(card(i) for i in range(16)))
    assert not any("util " in line for line in shown(many, height=24)[3:])
    assert sum("util " in line for line in shown(many, height=40)[3:]) == 16
    assert shown(many, height=12)[-2] == " and 9 more rows: a higher window shows them"


def test_processes_below() -> None:
    taken = inventory(card(0, process(7, 5)))
    assert any("python" in line for line in shown(taken, height=20, processes=True))


@given(st.integers(1, 160), st.integers(1, 50), st.booleans(), st.booleans())
def test_it_is_as_high_as_the_window(width: int, height: int, ascii_only: bool, full: bool) -> None:
    taken = busy(5, DEAD, card(2, process(7, 5)), problems=(LOST,)) if full else inventory()
    look = Look(width, height, 0.5, ascii_only, processes=True)
    lines = picture(taken, History(), look)
    assert len(lines) == height
    if ascii_only:
        assert all(line.isascii() for line in texts(lines))
    assert width_of(lines[-1]) <= width


def later(taken: GpuInventory) -> GpuInventory:
    return replace(taken, taken_at=TAKEN + timedelta(seconds=1))


def said(before: GpuInventory | None, now: GpuInventory) -> list[str]:
    """Without the clock, which is that of the machine's zone."""
    lines = list(changes(before, now))
    assert all(line[2] == line[5] == ":" for line in lines)
    return [line[9:] for line in lines]


def test_a_line_for_each_card_and_then_for_what_changes() -> None:
    first = busy(5, card(1))
    assert said(None, first) == [
        "card 0  8.0 of 80.0 GiB  5 %  -  -  ok  nobody",
        "card 1  8.0 of 80.0 GiB  50 %  -  -  ok  nobody",
    ]
    assert said(first, later(first)) == []
    assert said(first, later(busy(6, card(1)))) == [
        "card 0  8.0 of 80.0 GiB  6 %  -  -  ok  nobody"
    ]


@pytest.mark.parametrize("told_again", ["card 1 no longer answers", "card 1 is lost, 2 min ago"])
def test_problems_come_once_and_go(told_again: str) -> None:
    well, ill = busy(5, card(1)), busy(5, DEAD, problems=(LOST,))
    assert said(well, ill) == [
        "card 1  no longer answers",
        "error: card 1 no longer answers; reboot",
    ]
    worded = busy(5, DEAD, problems=(replace(LOST, message=told_again),))
    assert [line for line in said(ill, worded) if line.startswith("error")] == []
    assert said(ill, well)[-1] == "no longer: card 1 no longer answers"


def test_a_driver_that_goes_and_comes_back() -> None:
    gone = inventory(problems=(NO_DRIVER,))
    assert said(busy(5), gone) == ["card 0  is gone", "warning: the driver is not loaded; load it"]
    assert said(gone, busy(5)) == [
        "card 0  8.0 of 80.0 GiB  5 %  -  -  ok  nobody",
        "no longer: the driver is not loaded",
    ]
