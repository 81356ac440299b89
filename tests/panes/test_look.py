import math

import pytest

from mixvllm.panes.look import Look, count, duration, part_of, percent, span_of_time
from mixvllm.panes.symbols import ASCII, UNICODE

LOOK = Look(100.0, UNICODE)


def bar(share: float | None, cells: int = 10) -> str:
    return "".join(span.text for span in LOOK.bar(share, cells))


def test_a_bar_is_full_only_when_all_is_used() -> None:
    assert bar(0.0) == "░" * 10
    assert bar(0.5) == "█████░░░░░"
    assert bar(0.999) == "█████████░"
    assert bar(1.0) == "█" * 10


@pytest.mark.parametrize("share", [None, math.nan, math.inf])
def test_no_bar_for_what_is_not_known(share: float | None) -> None:
    assert bar(share) == ""


def test_a_bar_of_a_few_cells_says_nothing() -> None:
    assert bar(0.5, 4) == ""


def test_a_sparkline_is_scaled_to_its_top() -> None:
    assert LOOK.spark((0, 50, 100, 400, -1), 100) == "▁▅██▁"
    assert Look(0, ASCII).spark((0, 100), 100) == "_#"
    assert LOOK.spark((0, 0), 0) == ""


def test_running_time_has_no_tenths() -> None:
    assert LOOK.since(96.1) == "3 s"
    assert LOOK.since(200.0) == "0 s"
    assert LOOK.since(-100.0) == "3 min 20 s"
    assert duration(3.24) == "3.2 s"
    assert duration(math.nan) == "unknown"


@pytest.mark.parametrize(
    ("value", "text"), [(None, None), (math.nan, None), (0.0, "0"), (36900, "36 900"), (1.6, "2")]
)
def test_counts_are_grouped(value: float | None, text: str | None) -> None:
    assert count(value) == text


def test_percent() -> None:
    assert percent(0.314) == "31 %"
    assert percent(1.25) == "125 %"  # as it was read
    assert percent(None) is None


@pytest.mark.parametrize(
    ("used", "total", "text"),
    [
        (75_269_849_088, 85_041_610_752, "70.1 of 79.2 GiB"),
        (500 * 2**20, 80 * 2**30, "0.5 of 80.0 GiB"),
        (None, 80 * 2**30, "of 80.0 GiB"),
        (2**30, None, "1.0 GiB used"),
        (None, None, "unknown"),
        (0, 0, "0 of 0 B"),
    ],
)
def test_a_part_is_told_in_the_unit_of_the_whole(
    used: int | None, total: int | None, text: str
) -> None:
    assert part_of(used, total) == text


def test_samples_span_a_time() -> None:
    assert span_of_time((5.0, 30.0, 65.4)) == "last 1 min"
    assert span_of_time((5.0, 30.0)) == "last 25 s"
    assert span_of_time((5.0,)) == ""
