"""Lines of spans: measured, cut, wrapped, written."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mixvllm.cli.streams import visible
from mixvllm.cli.text.cells import (
    Span,
    cells,
    columns_of,
    cut,
    in_ascii,
    line,
    padded,
    takes_ascii_only,
    width_of,
    wrapped,
    written,
)
from mixvllm.cli.text.style import Paint, Tone

# Widths of rare scripts differ between tables; what the names of cards and programs use does not.
_USUAL = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"], max_codepoint=0x24F)
)


@given(st.lists(st.one_of(_USUAL, st.text("表あ█░…°ab")), max_size=4), st.integers(0, 30))
def test_cut_and_padded_fit(texts: list[str], width: int) -> None:
    spans = tuple(Span(visible(text)) for text in texts)
    assert width_of(spans) == sum(cell_len(span.text) for span in spans)
    assert width_of(cut(spans, width)) <= width
    assert width_of(padded(spans, width)) == width
    assert width_of(padded(spans, width, right=True)) == width


def test_what_is_cut_says_so() -> None:
    spans = (Span("ab"), Span("cdef", Tone.NAME))
    assert cut(spans, 6) == spans
    assert cut(spans, 4) == (Span("ab"), Span("c", Tone.NAME), Span("…"))
    assert cut(line("表表"), 3) == (Span("表"), Span("…"))
    assert cut(spans, 0) == ()


def test_wrapped_at_spaces_with_its_indent_kept() -> None:
    assert wrapped("  one two three", 9, indent="    ") == ["  one two", "    three"]
    assert wrapped("oneverylongword x", 5, indent=" ") == ["oneverylongword", " x"]
    assert wrapped("", 5) == [""]


def test_no_blanks_at_the_end_and_no_tones_without_colour() -> None:
    spans = (Span(" a", Tone.NAME), Span("  "), Span("b  ", Tone.DIM), Span("   "))
    assert written(spans, Paint(on=False)) == " a  b"
    assert written(spans, Paint(on=True)) == "\x1b[36m a\x1b[0m  \x1b[2mb\x1b[0m"
    assert written((), Paint(on=True)) == ""


def test_ascii_twins() -> None:
    assert in_ascii(line("63 °C █░ … ▁▇ ö")) == line("63 C #. ~ _+ ?")
    assert written(line("█…"), Paint(on=False), ascii_only=True) == "#~"
    assert cells("°C") == 2


@pytest.mark.parametrize(
    ("environ", "expected"), [({"COLUMNS": "120"}, 120), ({"COLUMNS": "0"}, 80), ({}, 80)]
)
def test_the_width_of_what_is_no_terminal(environ: dict[str, str], expected: int) -> None:
    assert columns_of(io.StringIO(), environ) == expected


@pytest.mark.parametrize(("encoding", "expected"), [("utf-8", False), ("ascii", True)])
def test_a_stream_without_our_letters(encoding: str, expected: bool) -> None:
    assert takes_ascii_only(io.TextIOWrapper(io.BytesIO(), encoding=encoding)) is expected
