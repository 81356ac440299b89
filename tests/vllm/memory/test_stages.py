"""Which layers each stage runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.vllm.memory.stages import stages


@pytest.mark.parametrize(
    ("layers", "count", "each"),
    [
        (32, 1, [32]),
        (32, 4, [8, 8, 8, 8]),
        (61, 2, [31, 30]),
        (61, 4, [15, 15, 16, 15]),  # the first and the last have a matrix of their own
        (62, 4, [15, 16, 16, 15]),
        (63, 4, [16, 16, 16, 15]),
        (3, 4, [1, 1, 1, 0]),
    ],
)
def test_what_does_not_divide_goes_to_the_middle(layers: int, count: int, each: list[int]) -> None:
    assert [len(stage) for stage in stages(layers, count)] == each


def test_a_partition_is_followed() -> None:
    assert stages(10, 3, (2, 5, 3)) == (range(2), range(2, 7), range(7, 10))


@pytest.mark.parametrize("partition", [(5, 5), (4, 4, 4), (10,)])
def test_a_partition_that_does_not_fit_is_refused(partition: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="does not deal out 10 layers"):
        stages(10, 3, partition)


@given(st.integers(0, 200), st.integers(1, 16))
def test_each_layer_runs_once(layers: int, count: int) -> None:
    assert [layer for stage in stages(layers, count) for layer in stage] == list(range(layers))
