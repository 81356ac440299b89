"""Amounts are read and printed with their unit."""

import pytest

from mixvllm.core.units import parse_duration, parse_size, show_clock, show_duration, show_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("1.5h", 5400), ("500ms", 0.5),
     ("1 h 5 m", 3900), ("2d", 172800)],
)  # fmt: skip
def test_a_duration(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "ten", "9" * 400, "9" * 400 + "h", "10 minutes", "-5s", "5x", "1h 5", "h"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("20GiB", 20 * 2**30), ("1.5 gib", 3 * 2**29), ("100MB", 10**8), ("7B", 7)],
)
def test_a_size(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "20", "9" * 390 + "GiB", "20G", "GiB", "-1GiB", "1,5GiB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


def test_printing() -> None:
    assert [show_size(n) for n in (0, 2048, 24 * 2**30)] == ["0 B", "2.0 KiB", "24.0 GiB"]
    assert [show_duration(s) for s in (0.44, 31.2, 252, 300, 11100)] == [
        "0.4 s", "31 s", "4 min 12 s", "5 min", "3 h 5 min",
    ]  # fmt: skip
    assert show_clock(3725.9) == "01:02:05"
