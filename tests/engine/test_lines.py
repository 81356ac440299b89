"""Bytes become lines that are safe to show, however they are cut."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.engine.lines import SHOWN, LineSplitter, clean


def lines_of(*pieces: bytes) -> list[str]:
    splitter = LineSplitter()
    lines = [line for piece in pieces for line in splitter.feed(piece)]
    return lines + splitter.flush()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("one\ntwo\n", ["one", "two"]),
        ("windows\r\nand\n\n\nblank\n   \n", ["windows", "and", "blank"]),
        ("shards:  50%\rshards: 100%\rshards: 100%\n", ["shards:  50%", *["shards: 100%"] * 2]),
        ("no end", ["no end"]),
        ("trailing   \n  leading", ["trailing", "  leading"]),
        ("a\tb", ["a    b"]),
        ("\x1b[1;36m(EngineCore pid=7)\x1b[0;0m INFO", ["(EngineCore pid=7) INFO"]),
        ("\x1b[38:2::1:2:3mx\x1b[m\x1b[?25l\x1b[2K\x1b[10;20Hy", ["xy"]),
        ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", ["alink"]),
        ("\x1bP1;2|data\x1b\\a\x1b(Bb\x1b7c\x1b=d\x1bMe\x1bcf", ["abcdef"]),
        ("\x1b]0;no end", ["\\x1b]0;no end"]),
        ("half \x1b[3", ["half \\x1b[3"]),
        ("bell\x07 nul\x00 back\x08\x08 del\x7f", ["bell\\x07 nul\\x00 back\\x08\\x08 del\\x7f"]),
        ("c1 \x9b31m \x85", ["c1 \\x9b31m \\x85"]),
        ("\u202egnirts\u202c \u2066x\u2069", ["\\u202egnirts\\u202c \\u2066x\\u2069"]),
        ("a\u2028b\ufeff", ["a\\u2028b\\ufeff"]),
        ("hidden\U000e0041", ["hidden\\U000e0041"]),
        ("größe 中文 👩‍🔬 ✓", ["größe 中文 👩‍🔬 ✓"]),
        ("\x0bvertical\x0c", ["\\x0bvertical\\x0c"]),
    ],
)
def test_what_is_shown(written: str, shown: list[str]) -> None:
    assert lines_of(written.encode()) == shown


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert lines_of(b"a\xff\xfeb\n\xe4\xb8") == ["a\ufffd\ufffdb", "\ufffd"]


def test_a_line_is_complete_when_its_end_has_come() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"one\ntw") == ["one"]
    assert splitter.feed(b"o") == []
    assert splitter.feed(b"\n") == ["two"]
    assert splitter.feed("größe".encode()[:3]) == []
    assert splitter.flush() == ["gr\ufffd"]
    assert splitter.feed(b"after a gap\n") == ["after a gap"]


def test_a_line_without_end_is_cut_and_counted() -> None:
    splitter = LineSplitter()
    for _ in range(1000):
        assert splitter.feed(b"x" * 10_000) == []
    assert len(splitter._line) < 100_000
    (line,) = splitter.feed(b"\n")
    assert line == "x" * SHOWN + f" [+{10_000_000 - SHOWN} characters]"
    assert splitter.feed(b"next\n") == ["next"]


def test_the_longest_line_is_shown_whole() -> None:
    assert lines_of(b"y" * SHOWN) == ["y" * SHOWN]


# Words that meet where it hurts: sequences, characters of several bytes, ends of lines.
PIECES = st.sampled_from(
    [
        "\x1b",
        "[",
        "]",
        "0;",
        "m",
        "\x07",
        "\\",
        "\r",
        "\n",
        "\x9b",
        "ö",
        "中",
        "👩",
        " ",
        "x",
        "\u202e",
    ]
).map(str.encode)
BYTES = st.one_of(
    st.binary(max_size=60),
    st.lists(PIECES, max_size=60).map(b"".join),
    st.integers(SHOWN - 3, SHOWN + 3).map(lambda size: b"x" * size + b"\xc3"),
)


@given(data=BYTES, cuts=st.lists(st.integers(0, 60), max_size=10))
def test_how_the_bytes_are_cut_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    borders = [0, *sorted(cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(borders)]
    assert b"".join(pieces) == data
    assert lines_of(*pieces) == lines_of(data)


@given(BYTES)
def test_no_line_can_move_a_cursor_or_turn_text_around(data: bytes) -> None:
    for line in lines_of(data):
        assert line.strip()
        assert not [
            character
            for character in line
            if unicodedata.category(character) in {"Cc", "Zl", "Zp"}
            or unicodedata.bidirectional(character)
            in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
        ]


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1))
def test_plain_text_is_left_as_it_is(text: str) -> None:
    assert clean(text) == text
