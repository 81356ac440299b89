from mixvllm.panes.encode import encode
from mixvllm.panes.line import Span
from mixvllm.panes.tones import Tone

LINE = (Span("│ "), Span("x", Tone.BROKEN), Span("漢", Tone.NAME), Span(" │"))


def test_colours_are_escapes_around_their_text() -> None:
    expected = "│ \x1b[31mx\x1b[0m\x1b[36m漢\x1b[0m\x1b[6G │"
    assert encode(LINE, color=True).decode() == expected


def test_without_colour_bold_and_dim_stay() -> None:
    line = (Span("a", Tone.STRONG_BROKEN), Span("b", Tone.DIM), Span("c", Tone.NAME))
    assert encode(line, color=False) == b"\x1b[1ma\x1b[0m\x1b[2mb\x1b[0mc"


def test_the_column_is_set_again_only_after_foreign_text() -> None:
    assert b"G" not in encode((Span("▸ ascii ░░"), Span("▁▂▃")), color=False)
    assert encode((Span("é"), Span("x")), color=False).decode() == "é\x1b[2Gx"
