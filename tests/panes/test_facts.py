import pytest

from mixvllm.core.board import Board, Run, fold
from mixvllm.core.events import FactLearned
from mixvllm.panes.facts import fact_words, figures, version

RUN = Run("n", "m", "p", "u", "0.32.0", "")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("kv_tokens", "46,592", ("kv tokens", "46 592")),
        ("weights_seconds", "0.70", ("weights", "0.70 s")),
        ("max_concurrency", "5.69", ("max concurrency", "5.69")),
        ("list", "1,2", ("list", "1,2")),
    ],
)
def test_figures_have_their_unit(name: str, value: str, words: tuple[str, str]) -> None:
    assert fact_words(name, value) == words


def test_the_release_that_runs_beats_the_one_that_was_checked() -> None:
    board = Board(RUN)
    assert version(board) == "0.32.0"
    board = fold(fold(board, FactLearned(1.0, "version", "0.33.0")), FactLearned(1.0, "a", "b"))
    assert version(board) == "0.33.0"
    assert figures(board) == (("a", "b"),)
