"""What a type takes is what pydantic takes for it, from JSON, in lax mode."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mixvllm.vllm.lax import boolean_of, number_of, takes
from mixvllm.vllm.option import JsonType

TYPES = {
    JsonType.BOOLEAN: bool,
    JsonType.INTEGER: int,
    JsonType.NUMBER: float,
    JsonType.STRING: str,
    JsonType.LIST: list,
    JsonType.MAPPING: dict,
    JsonType.NULL: type(None),
}
ODD: list[object] = [
    *(True, False, 0, 1, -1, 2, 10**30, 0.0, 1.0, 8.0, 8.5, -0.0, 1e15, 1e18, 1e19, 1e300, None),
    *("8", " 8 ", "8.0", "8.", ".5", "8.5", "+8", "-0", "1_000", "1__0", "_1", "1_", "1_0.0"),
    *("1e3", "0x10", "", " ", "٣", "inf", "nan", "Infinity", "true", " true", "TRUE", "t", "Yes"),
    *("off", "2", "a", [], [1], {}, {"a": 1}),
]


def of_pydantic(kind: type, value: object) -> bool:
    try:
        TypeAdapter(kind).validate_json(json.dumps(value))
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_odd_values(kind: JsonType, value: object) -> None:
    assert takes((kind,), value) == of_pydantic(TYPES[kind], value)


NUMBERS = st.text("0123456789+-._eE \t", max_size=8)


@example("1" * 5000)
@example("\u20038\xa0")
@given(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6) | NUMBERS
)  # fmt: skip
def test_no_type_refuses_what_pydantic_takes(value: object) -> None:
    for kind, of in TYPES.items():
        if of_pydantic(of, value):
            assert takes((kind,), value), kind


def test_one_type_of_several_is_enough() -> None:
    either = (JsonType.INTEGER, JsonType.NULL)
    assert takes(either, None)
    assert takes(either, "8")
    assert not takes(either, "many")


def test_a_boolean_is_read_as_pydantic_reads_it() -> None:
    values: list[object] = [True, 0, 1.0, "off", "Yes", 2, "a", None, []]
    assert [boolean_of(value) for value in values] == [
        True,
        False,
        True,
        False,
        True,
        None,
        None,
        None,
        None,
    ]


def test_a_number_is_read_as_pydantic_reads_it() -> None:
    assert [number_of(v) for v in (True, "8.5", " 1e3 ", "many", None, [1])] == [
        1, 8.5, 1000, None, None, None,
    ]  # fmt: skip
