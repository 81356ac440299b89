"""Edits change what they name and nothing else."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.core.diagnostic import Fix
from mixvllm.core.edits import apply, stretches
from mixvllm.core.origin import FileSpan


def fix(line: int, column: int, end_line: int, end_column: int, text: str) -> Fix:
    return Fix(FileSpan(Path("p.yaml"), line, column, end_line, end_column), text)


@pytest.mark.parametrize(
    ("text", "edits", "expected"),
    [
        ("a: 1\nb: 2\n", [fix(2, 4, 2, 5, "3")], "a: 1\nb: 3\n"),
        ("a: 1\r\nb: 2\r\n", [fix(1, 1, 2, 1, "")], "b: 2\r\n"),
        ("a: 1\nb: 2", [fix(2, 1, 3, 1, "")], "a: 1\n"),
        ("é: 1\u2028\nb: 2\n", [fix(2, 1, 2, 2, "c"), fix(1, 1, 1, 2, "e")], "e: 1\u2028\nc: 2\n"),
        ("a: 1\n", [fix(2, 1, 2, 1, "b: 2\n")], "a: 1\nb: 2\n"),
        ("a\rb\r", [fix(2, 1, 2, 2, "c")], "a\rc\r"),
        ("same", [], "same"),
    ],
)
def test_only_the_stretch_is_replaced(text: str, edits: list[Fix], expected: str) -> None:
    assert apply(text, edits) == expected


@pytest.mark.parametrize(
    "edits",
    [[fix(1, 1, 1, 3, "x"), fix(1, 2, 1, 4, "y")], [fix(1, 3, 1, 1, "")], [fix(1, 1, 1, 99, "")]],
)
def test_edits_that_cannot_be_made_are_refused(edits: list[Fix]) -> None:
    with pytest.raises(ValueError, match=r"overlap|not in the text"):
        apply("a: 1\n", edits)


@given(st.text(alphabet="ab\r\n:\u2028", max_size=30), st.data())
def test_what_is_not_named_stays(text: str, data: st.DataObject) -> None:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    line = data.draw(st.integers(1, len(lines)))
    column = data.draw(st.integers(1, len(lines[line - 1]) + 1))
    made = apply(text, [fix(line, column, line, column, "#")])
    assert made.count("#") == 1
    assert made.replace("#", "") == text


@pytest.mark.parametrize(
    ("text", "edits", "expected"),
    [
        ("model:m\n", [fix(1, 1, 1, 8, "model: m")], [(1, 7, 1, 8)]),
        ("prot: 1\n", [fix(1, 1, 1, 5, "port")], [(1, 2, 1, 4)]),
        ("a: &x 1\n", [fix(1, 4, 1, 7, "")], [(1, 4, 1, 4)]),
        ("a: 1\nb: 2\n", [fix(1, 1, 2, 1, ""), fix(2, 1, 2, 2, "c")], [(1, 1, 1, 1), (1, 1, 1, 2)]),
        ("a: t\r\n", [fix(1, 1, 1, 5, "b: t\r\nc: t")], [(1, 1, 2, 2)]),
    ],
)
def test_the_new_characters_have_a_place(
    text: str, edits: list[Fix], expected: list[tuple[int, ...]]
) -> None:
    found = stretches(text, edits)
    assert [(s.line, s.column, s.end_line, s.end_column) for s in found] == expected
