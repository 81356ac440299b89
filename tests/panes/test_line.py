import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mixvllm.panes.line import Span, apart, clean, cut, fit, joined, width_of, wrap, wrap_words

ANY = st.text(max_size=80) | st.text(alphabet="a 世界\u0301", max_size=80)


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("plain [bold]x[/bold]", "plain [bold]x[/bold]"),
        ("\x1b[31mred\x07\x7f", "\u241b[31mred\u2407\u2421"),
        ("a\tb\nc\rd\u2028e", "a    b c d e"),
        ("a\u202eb\u200dc\u00add\ufe0fe\ud800f\x9bg", "abcdefg"),
        ("漢字 é", "漢字 é"),
    ],
)
def test_foreign_text_is_made_safe(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


def test_ascii_terminals_get_ascii() -> None:
    assert clean("漢é\x1b", ascii_only=True) == "???"


def test_a_line_without_end_is_not_read_to_its_end() -> None:
    assert len(clean("é" * 10**6)) <= 4000
    assert len(clean("x" * 10**6)) <= 4000


@given(ANY, st.integers(0, 60))
def test_cut_and_fit_keep_the_width(raw: str, width: int) -> None:
    text = clean(raw)
    assert cell_len(cut(text, width, "…")) <= width
    assert width_of(fit((Span(text), Span(text)), width, "…")) == width


def test_a_wide_character_is_not_cut_in_two() -> None:
    assert cut("漢字", 4, "…") == "漢字"
    assert cut("漢字x", 4, "…") == "漢…"
    assert fit((Span("漢字x"),), 4, "…") == (Span("漢…"), Span(" "))


@given(ANY, st.integers(2, 30))
def test_wrapping_loses_nothing_and_keeps_the_width(raw: str, width: int) -> None:
    text = clean(raw)
    pieces = wrap(text, width)
    assert "".join(pieces) == text
    assert all(cell_len(piece) <= width for piece in pieces)


@given(ANY, st.integers(1, 30), st.integers(1, 4))
def test_wrapped_words_stay_in_their_rows(raw: str, width: int, rows: int) -> None:
    pieces = wrap_words(clean(raw), width, rows, "…")
    assert len(pieces) <= rows
    assert all(cell_len(piece) <= max(2, width) for piece in pieces)


def test_words_are_broken_at_spaces() -> None:
    assert wrap_words("one two three", 8, 3, "…") == ["one two", "three"]
    assert wrap_words("one two three", 7, 3, "…") == ["one two", "three"]
    assert wrap_words("one two three four", 7, 2, "…") == ["one two", "three …"]
    assert wrap_words("abcdefghij", 4, 3, "…") == ["abcd", "efgh", "ij"]
    assert wrap_words("", 4, 3, "…") == []
    assert wrap_words("    indented words", 10, 3, "…") == ["    indent", "ed words"]
    assert wrap_words("  in code", 6, 3, "…") == ["  in", "code"]


def test_the_right_end_gives_way() -> None:
    left, right = (Span("left"),), (Span("right"),)
    assert "".join(span.text for span in apart(left, right, 12, "…")) == "left   right"
    assert "".join(span.text for span in apart(left, right, 10, "…")) == "left      "


def test_only_what_says_something_is_joined() -> None:
    assert joined([(), (Span("a"),), (), (Span("b"),)], "-") == (Span("a"), Span("-"), Span("b"))
