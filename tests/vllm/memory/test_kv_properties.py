"""What must hold of any model, on any number of ranks, in any release."""

from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.kv_cache import KvLayout, UnknownLayout, capacity, kv_layout
from mixvllm.vllm.options import known_releases
from tests.vllm.memory.models import MODELS, Values, config_of

RELEASES = tuple(known_releases())
SIZES = st.integers(0, 2**38)
LENGTHS = st.integers(1, 2**21)
PLANS = st.builds(
    Deployment,
    release=st.sampled_from(RELEASES),
    tensor_parallel=st.sampled_from([1, 2, 4, 8, 16]),
    pipeline_parallel=st.sampled_from([1, 2, 3, 4]),
    kv_cache_dtype=st.sampled_from(["auto", "fp8"]),
    max_model_len=st.sampled_from([None, 1, 1000, 131072]),
    max_num_batched_tokens=st.sampled_from([1024, 8192]),
    block_size=st.sampled_from([None, 32, 64]),
    prefix_caching=st.sampled_from([None, True, False]),
    async_scheduling=st.booleans(),
    hybrid_kv_cache=st.sampled_from([True, True, False]),
)
NAMES = st.sampled_from(sorted(MODELS))


def layout_of(name: str, plan: Deployment, stage: int = 0) -> KvLayout:
    """A layout, or another example when vLLM refuses this one, or it is not known."""
    try:
        return kv_layout(config_of(name), plan, stage=stage)
    except UnknownLayout:
        assume(False)
        raise


@given(NAMES, PLANS, SIZES, SIZES)
def test_more_memory_is_never_fewer_tokens(
    name: str, plan: Deployment, one: int, other: int
) -> None:
    layout = layout_of(name, replace(plan, pipeline_parallel=1))
    less, more = (capacity([layout], [size]) for size in sorted((one, other)))
    assert less.blocks <= more.blocks
    assert less.tokens <= more.tokens
    assert less.max_concurrency <= more.max_concurrency
    assert less.blocks * layout.block_bytes <= min(one, other)


@given(NAMES, PLANS)
def test_more_ranks_never_cost_a_rank_more(name: str, plan: Deployment) -> None:
    one = layout_of(name, replace(plan, tensor_parallel=1, pipeline_parallel=1))
    more = layout_of(name, replace(plan, pipeline_parallel=1))
    assert more.bytes_per_token <= one.bytes_per_token


@given(NAMES, PLANS)
def test_the_stages_keep_all_layers_between_them(name: str, plan: Deployment) -> None:
    stages = [layout_of(name, plan, stage) for stage in range(plan.pipeline_parallel)]
    whole = layout_of(name, replace(plan, pipeline_parallel=1))
    assert sum(len(stage.own) for stage in stages) == len(whole.own)
    assert sum(stage.block_bytes for stage in stages) >= whole.block_bytes


@given(NAMES, PLANS, LENGTHS, LENGTHS)
def test_a_longer_request_never_needs_less(
    name: str, plan: Deployment, one: int, other: int
) -> None:
    layout = layout_of(name, plan)
    short, long = sorted((one, other))
    assert 0 < layout.needed(short) <= layout.needed(long)


@given(NAMES, PLANS, SIZES)
def test_the_longest_request_is_held_and_one_longer_is_not(
    name: str, plan: Deployment, available: int
) -> None:
    layout = layout_of(name, plan)
    longest = layout.longest(available)
    assert 0 <= longest <= layout.limit
    assert longest == 0 or layout.holds(available, longest)
    assert longest == layout.limit or not layout.holds(available, longest + 1)


@given(NAMES, PLANS, st.lists(SIZES, min_size=1, max_size=6))
def test_the_least_rank_decides(name: str, plan: Deployment, sizes: list[int]) -> None:
    layout = layout_of(name, replace(plan, pipeline_parallel=1))
    assert capacity([layout] * len(sizes), sizes) == capacity([layout], [min(sizes)])


@given(
    layers=st.integers(1, 64), groups=st.sampled_from([1, 2, 4, 8]), each=st.integers(1, 8),
    size=st.sampled_from([64, 80, 128, 256]), release=st.sampled_from(RELEASES),
)  # fmt: skip
@settings(max_examples=50)
def test_a_plain_model_costs_what_its_heads_do(
    layers: int, groups: int, each: int, size: int, release: str
) -> None:
    values: Values = {
        "model_type": "llama", "num_hidden_layers": layers, "num_key_value_heads": groups,
        "num_attention_heads": groups * each, "head_dim": size, "hidden_size": 1024,
    }  # fmt: skip
    layout = kv_layout(ModelConfig(values), Deployment(release, max_model_len=4096))
    assert layout.bytes_per_token == layers * groups * size * 2 * 2
    assert layout.needed(4096) == layout.bytes_per_token * 4096
    assert capacity([layout], [2**34]).tokens == layout.blocks(2**34) * 16
