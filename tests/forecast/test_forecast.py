"""The sum of each rank, and what is said of it."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixvllm.forecast.forecast import Forecast, forecast
from mixvllm.forecast.interval import Interval
from mixvllm.forecast.model import Model
from mixvllm.forecast.verdict import Cause, Verdict
from tests.forecast.questions import GIB, card, model, question

LLAMA_70B = "meta-llama/Llama-3.3-70B-Instruct"


def causes(found: Forecast) -> set[tuple[Cause, bool]]:
    return {(reason.cause, reason.certain) for reason in found.reasons}


def test_a_person_can_add_it_up() -> None:
    found = forecast(question("Qwen/Qwen3-8B", card(79.2)))
    (rank,) = found.ranks
    assert rank.requested is not None
    assert rank.weights is not None
    assert rank.kv is not None
    assert rank.requested == Interval.exactly(-(-int(79.2 * GIB) * 92 // 100))
    assert rank.kv.low == rank.requested.low - rank.weights - rank.taken.high
    assert rank.kv.high == rank.requested.high - rank.weights - rank.taken.low
    assert found.verdict is Verdict.FITS
    assert found.tokens is not None
    assert found.layouts[0].bytes_per_token == 36 * 2 * 8 * 128 * 2
    assert found.tokens.low == pytest.approx(rank.kv.low / (36 * 4096), rel=0.001)


def test_given_bytes_decide_alone_and_need_no_card() -> None:
    with_card = question("Qwen/Qwen3-8B", card(79.2), kv_cache_memory_bytes=4 * GIB)
    without = replace(with_card, cards=(), no_cards="the cards")
    assert forecast(with_card).tokens == forecast(without).tokens == Interval.exactly(29120)
    assert forecast(without).verdict is Verdict.DOES_NOT_FIT  # 40,960 tokens need 5.6 GiB
    shorter = forecast(without.but(max_model_len=8192))
    assert (shorter.verdict, shorter.unknown) == (Verdict.CANNOT_TELL, ("the cards",))


def test_given_bytes_must_still_be_on_the_card() -> None:
    found = forecast(question("Qwen/Qwen3-8B", card(23.5), kv_cache_memory_bytes=20 * GIB))
    assert found.verdict is Verdict.DOES_NOT_FIT
    assert (Cause.CARD, True) in causes(found)


def test_too_heavy_too_long_and_between() -> None:
    heavy = forecast(question(LLAMA_70B, card(79.2)))
    assert (heavy.verdict, causes(heavy)) == (Verdict.DOES_NOT_FIT, {(Cause.WEIGHTS, True)})
    long = forecast(question("Qwen/Qwen3-8B", card(20.0)))
    assert (long.verdict, causes(long)) == (Verdict.DOES_NOT_FIT, {(Cause.CONTEXT, True)})
    assert long.longest is not None
    between = (long.longest.low + long.longest.high) // 2
    may = forecast(question("Qwen/Qwen3-8B", card(20.0), max_model_len=between))
    assert (may.verdict, causes(may)) == (Verdict.CANNOT_TELL, {(Cause.CONTEXT, False)})
    surely = question("Qwen/Qwen3-8B", card(20.0), max_model_len=long.longest.low)
    assert forecast(surely).verdict is Verdict.FITS
    more = surely.but(max_model_len=long.longest.high + 16)
    assert forecast(more).verdict is Verdict.DOES_NOT_FIT


def test_what_fits_is_taken_where_vllm_may_choose() -> None:
    found = forecast(question("Qwen/Qwen3-8B", card(20.0), max_model_len=-1))
    assert found.verdict is Verdict.FITS
    assert found.concurrency is not None
    assert found.concurrency[0] >= 1
    none = forecast(question("Qwen/Qwen3-8B", card(17.0), max_model_len=-1))
    assert none.verdict is Verdict.DOES_NOT_FIT


def test_the_smallest_rank_decides() -> None:
    small = card(39.4, place="card 1")
    mixed = question(LLAMA_70B, card(79.2), small, card(79.2), card(79.2), tensor_parallel_size=4)
    equal = replace(mixed, cards=(small,) * 4)
    assert forecast(mixed).deciding == 1
    assert forecast(mixed).ranks[1].card == small
    assert forecast(mixed).ranks[1].requested == forecast(equal).ranks[0].requested


def test_more_ranks_than_cards() -> None:
    found = forecast(question(LLAMA_70B, card(79.2), tensor_parallel_size=4))
    assert (Cause.CARDS, True) in causes(found)
    spread = replace(question(LLAMA_70B, card(79.2), tensor_parallel_size=4), spread=True)
    assert forecast(spread).verdict is Verdict.CANNOT_TELL
    assert "the cards of the other machines" in forecast(spread).unknown


def test_what_others_hold_counts_only_live() -> None:
    held = card(79.2, free=20.0)
    assert forecast(question("Qwen/Qwen3-8B", held)).verdict is Verdict.FITS
    found = forecast(question("Qwen/Qwen3-8B", held, live=True))
    assert (found.verdict, causes(found)) == (Verdict.DOES_NOT_FIT, {(Cause.OTHERS, True)})


def test_what_comes_on_top_of_the_budget_may_be_too_much() -> None:
    found = forecast(question("Qwen/Qwen3-8B", card(79.2), gpu_memory_utilization=0.999))
    assert (found.verdict, causes(found)) == (Verdict.CANNOT_TELL, {(Cause.CARD, False)})


def test_without_weights_nothing_is_said_to_fit() -> None:
    bare = replace(
        question("Qwen/Qwen3-8B", card(79.2)),
        model=Model("m", model().config, no_weights="they are elsewhere"),
    )
    found = forecast(bare)
    assert found.verdict is Verdict.CANNOT_TELL
    assert found.unknown == ("the weights: they are elsewhere",)
    assert found.ranks[0].kv is None
    given = forecast(bare.but(kv_cache_memory_bytes=8 * GIB))
    assert given.verdict is Verdict.CANNOT_TELL
    assert given.tokens is not None


def test_a_family_that_is_not_known_is_said_so() -> None:
    asked = question("Qwen/Qwen3-8B", card(79.2))
    config = replace(asked.model.config, values={"model_type": "nobodys", "architectures": ["N"]})
    found = forecast(replace(asked, model=replace(asked.model, config=config)))
    assert found.verdict is Verdict.CANNOT_TELL
    assert any(what.startswith("the KV cache: ") for what in found.unknown)
    assert found.tokens is None


def test_on_the_cpu_the_budget_is_main_memory() -> None:
    memory = card(16.0, free=15.5, place="main memory")
    space = {"VLLM_CPU_KVCACHE_SPACE": "1"}
    small = question("Qwen/Qwen3-0.6B", memory, device="cpu", environ=space, live=True)
    found = forecast(small)
    assert found.ranks[0].kv == Interval.exactly(GIB)
    assert found.tokens is not None
    assert found.tokens.is_exact
    auto = forecast(question("Qwen/Qwen3-0.6B", memory, device="cpu", live=True))
    assert auto.ranks[0].kv is not None
    assert not auto.ranks[0].kv.is_exact
    full = replace(memory, free=GIB)
    refused = forecast(question("Qwen/Qwen3-0.6B", full, device="cpu", live=True))
    assert (Cause.OTHERS, True) in causes(refused)


@given(
    gib=st.floats(4, 180), share=st.floats(0.1, 0.95), length=st.integers(16, 40960),
    ranks=st.sampled_from([1, 2, 4]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_more_never_hurts(gib: float, share: float, length: int, ranks: int) -> None:
    """A larger card, a larger share and a shorter request never make it worse."""
    order = [Verdict.DOES_NOT_FIT, Verdict.CANNOT_TELL, Verdict.FITS]
    asked = question(
        "Qwen/Qwen3-8B", *(card(gib),) * ranks, gpu_memory_utilization=share,
        max_model_len=length, tensor_parallel_size=ranks, max_num_seqs=64,
        max_num_batched_tokens=2048,
    )  # fmt: skip
    found = forecast(asked)
    larger = forecast(replace(asked, cards=(card(gib + 8),) * ranks))
    shorter = forecast(asked.but(max_model_len=max(16, length // 2)))
    for better in (larger, shorter):
        assert order.index(better.verdict) >= order.index(found.verdict)
    assert found.tokens is not None
    assert larger.tokens is not None
    assert found.tokens.low <= found.tokens.high
    assert larger.tokens.low >= found.tokens.low
    if found.verdict is Verdict.FITS:
        assert found.longest is not None
        assert found.longest.low >= length


def test_of_several_copies_the_one_on_the_smallest_card_is_told() -> None:
    large, small = card(79.2), card(39.4, place="card 1")
    copies = question("Qwen/Qwen3-8B", large, small, data_parallel_size=2)
    found = forecast(copies)
    assert found.cards == (large, small)
    assert [rank.card for rank in found.ranks] == [small]
    one = forecast(copies.but(data_parallel_rank=1))
    assert one.cards == (large,)
