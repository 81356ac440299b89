"""The same answers as vLLM's own parser; tests/vllm/test_argv.py asks that one too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.vllm.quantity import human_integer


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-1", -1),
        ("32768", 32768),
        (" 32k ", 32_000),
        ("32K", 32_768),
        ("25.6k", 25_600),
        ("4.35k", 4_350),
        ("1.1m", 1_100_000),
        ("2M", 2 * 1024**2),
        ("1g", 10**9),
        ("1G", 1024**3),
        ("3t", 3 * 10**12),
        ("3T", 3 * 1024**4),
        ("1_000", 1000),
    ],
)
def test_quantities(text: str, number: int) -> None:
    assert human_integer(text) == number


@pytest.mark.parametrize(
    "text",
    ["", "k", "1.5K", "1.5", "-1k", "32KiB", "32 k", "32kk", "1e3", "auto", "1\N{KELVIN SIGN}"],
)
def test_what_vllm_does_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="vLLM"):
        human_integer(text)


@given(st.integers(0, 10**9), st.sampled_from("kmgt"))
def test_a_capital_letter_means_more(number: int, letter: str) -> None:
    assert human_integer(f"{number}{letter}") <= human_integer(f"{number}{letter.upper()}")


def test_old_releases_know_fewer_letters() -> None:
    assert human_integer("2g", "kKmMgG") == 2 * 10**9
    with pytest.raises(ValueError, match="the letters are k, K, m, M, g, G"):
        human_integer("2t", "kKmMgG")
