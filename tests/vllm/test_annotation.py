"""Annotations as vLLM spells them, read without running them."""

import pytest

from mixvllm.vllm.annotation import Shape, parse_annotation
from mixvllm.vllm.option import JsonType

BOOLEAN, INTEGER, NUMBER = JsonType.BOOLEAN, JsonType.INTEGER, JsonType.NUMBER
STRING, LIST, MAPPING, NULL = JsonType.STRING, JsonType.LIST, JsonType.MAPPING, JsonType.NULL


@pytest.mark.parametrize(
    ("text", "accepts", "choices"),
    [
        ("bool", {BOOLEAN}, None),
        ("int | None", {INTEGER, NULL}, None),
        ("float", {NUMBER}, None),
        ("list[int | str] | None", {LIST, NULL}, None),
        ("dict[str, Any]", {MAPPING}, None),
        ("Path | None", {STRING, NULL}, None),
        ("Literal['a', 'b']", {STRING}, ("a", "b")),
        ("Literal['a'] | None", {STRING, NULL}, ("a", None)),
        ("Literal[2, 3] | None", {INTEGER, NULL}, (2, 3, None)),
        ("str | Literal['a']", {STRING}, None),
        ("int | Literal['auto']", {INTEGER, STRING}, None),
        ("PassConfig", {MAPPING}, None),
    ],
)
def test_what_an_annotation_takes(
    text: str, accepts: set[JsonType], choices: tuple[str | int | None, ...] | None
) -> None:
    shape = parse_annotation(text, configs={"PassConfig"})
    assert (shape.accepts, shape.choices) == (frozenset(accepts), choices)
    assert shape.optional == (NULL in accepts)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("list[int]", {INTEGER}),
        ("list[int | str] | None", {INTEGER, STRING}),
        ("set[str]", {STRING}),
        ("dict[str, list[float]]", {LIST}),
        ("list[tuple[int, int, int]] | None", {LIST}),
        ("dict[str, Any]", None),
        ("list[str] | str", {STRING}),
        ("list[str] | dict[str, int]", None),
        ("int", None),
    ],
)
def test_what_the_items_of_a_list_or_mapping_are(text: str, items: set[JsonType] | None) -> None:
    assert parse_annotation(text).items == (items and frozenset(items))


@pytest.mark.parametrize("text", ["Any", "CompilationMode", "int | Any | None", "", "a b", "f(1)"])
def test_what_is_not_known_takes_anything(text: str) -> None:
    assert parse_annotation(text) == Shape(None)


def test_nested_config_classes_are_named() -> None:
    shape = parse_annotation("A | B | None", configs={"A", "B"})
    assert shape.configs == ("A", "B")
