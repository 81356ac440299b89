"""What would help: each suggestion is a forecast of its own, and true."""

from dataclasses import replace

import pytest

from mixvllm.forecast.forecast import Question, forecast
from mixvllm.forecast.suggestions import suggestions
from mixvllm.forecast.verdict import Verdict
from tests.forecast.questions import GIB, card, question

LLAMA_70B = "meta-llama/Llama-3.3-70B-Instruct"
TIGHT = question("Qwen/Qwen3-8B", card(22.0, capability=(8, 9)))


def kinds(asked: Question) -> list[str]:
    return [each.kind for each in suggestions(forecast(asked))]


@pytest.mark.parametrize(
    "asked",
    [
        TIGHT,
        question("Qwen/Qwen3-8B", card(79.2)),
        question(LLAMA_70B, *[card(79.2)] * 8),
        question("openai/gpt-oss-120b", card(79.2)),
    ],
    ids=["tight", "roomy", "heavy", "between"],
)
def test_every_suggestion_can_be_made_and_helps(asked: Question) -> None:
    now = forecast(asked)
    ranks = [Verdict.FITS, Verdict.CANNOT_TELL, Verdict.DOES_NOT_FIT]
    found = suggestions(now)
    assert found
    order = [ranks.index(each.then.verdict) for each in found]
    assert order == sorted(order)
    for each in found:
        if not each.estimate:
            changes = {name.replace("-", "_"): value for name, value in each.changes.items()}
            again = forecast(asked.but(**changes))
            assert (again.verdict, again.tokens) == (each.then.verdict, each.then.tokens)
        better = ranks.index(each.then.verdict) < ranks.index(now.verdict)
        assert now.tokens is not None
        assert each.then.tokens is not None
        assert better or each.then.tokens.low >= now.tokens.low * 1.1


def test_a_shorter_context_is_one_that_surely_fits() -> None:
    now = forecast(TIGHT)
    assert now.verdict is not Verdict.FITS
    (shorter,) = (each for each in suggestions(now) if each.kind == "max_model_len")
    assert shorter.then.verdict is Verdict.FITS
    assert now.longest is not None
    length = shorter.changes["max-model-len"]
    assert isinstance(length, int)
    assert length % 1024 == 0
    assert 0 <= now.longest.low - length < 1024


def test_fp8_only_where_the_card_can() -> None:
    assert "kv_cache_dtype" in kinds(question("Qwen/Qwen3-8B", card(79.2)))
    old = question("Qwen/Qwen3-8B", card(79.2, capability=(8, 0)))
    assert "kv_cache_dtype" not in kinds(old)
    untold = question("Qwen/Qwen3-8B", card(79.2, capability=None))
    assert "kv_cache_dtype" not in kinds(untold)
    already = question("Qwen/Qwen3-8B", card(79.2), kv_cache_dtype="fp8")
    assert "kv_cache_dtype" not in kinds(already)


def test_more_cards_only_where_they_are_and_heads_allow() -> None:
    eight = suggestions(forecast(question(LLAMA_70B, *[card(79.2)] * 8)))
    assert eight[0].changes == {"tensor-parallel-size": 4}
    assert "tensor_parallel_size" not in kinds(question(LLAMA_70B, card(79.2)))
    odd = question("Qwen/Qwen2-7B-Instruct", *[card(15.0)] * 8)  # 28 heads: 2 and 4, never 8
    sizes = {each.changes.get("tensor-parallel-size") for each in suggestions(forecast(odd))}
    assert 8 not in sizes


def test_where_others_are_there_it_asks_for_less() -> None:
    asked = question("Qwen/Qwen3-0.6B", card(79.2, free=60.0), live=True)
    (less, *_) = suggestions(forecast(asked))
    assert less.changes == {"gpu-memory-utilization": 0.75}  # 60 of 79.2 GiB
    assert less.then.verdict is Verdict.FITS


def test_without_cards_it_says_which_would_do() -> None:
    found = suggestions(forecast(replace(question(LLAMA_70B), no_cards="the cards")))
    assert found
    assert {each.kind for each in found} == {"cards"}
    assert all(each.then.verdict is Verdict.FITS for each in found)
    counts = [len(each.then.cards) for each in found]
    assert counts == sorted(counts)


def test_a_checkpoint_of_four_bits_is_named_an_estimate() -> None:
    found = suggestions(forecast(question(LLAMA_70B, card(79.2), max_model_len=4096)))
    estimates = [each for each in found if each.estimate]
    assert [each.kind for each in estimates] == ["quantization"]
    weights = estimates[0].then.ranks[0].weights
    assert weights is not None
    assert 36 * GIB < weights < 40 * GIB  # AWQ checkpoints of it have 37 GiB
    packed = question("casperhansen/llama-3.3-70b-instruct-awq", card(79.2))
    assert "quantization" not in kinds(packed)
