"""What is taken beside weights and cache: by what real starts logged, and by reason."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixvllm.testing.public_configs import PUBLIC
from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.overhead import Overhead, overhead
from mixvllm.vllm.options import known_releases
from tests.vllm.memory.field import STARTS, Start

GIB = 2**30
QWEN = ModelConfig(PUBLIC["Qwen/Qwen3-8B"])
SIZES = (1, 2, 4, 8, 16)
TAKEN = [start for start in STARTS if start.taken is not None]


def of(config: ModelConfig, release: str = "0.32.0", **plan: object) -> Overhead:
    deployment = Deployment(release, cudagraph_capture_sizes=SIZES)
    return overhead(config, replace(deployment, **plan))  # type: ignore[arg-type]


def part(found: Overhead, name: str) -> tuple[float, float, bool]:
    use = next(use for use in found.parts if use.name == name)
    return use.low / GIB, use.high / GIB, use.in_budget


@pytest.mark.parametrize("start", TAKEN, ids=lambda start: f"{start.name} {start.taken}")
def test_what_vllm_took_lies_between_the_bounds(start: Start) -> None:
    found = overhead(start.model, start.deployment)
    assert start.taken is not None
    assert found.low / GIB <= start.taken <= found.high / GIB


def test_the_bounds_are_no_wider_than_they_must() -> None:
    """Before 0.20 they are tight; since then vLLM's own estimate of graphs is within them too."""
    widths = []
    for start in TAKEN:
        if start.plan.ranks == 1 and start.plan.release.startswith(("0.9", "0.1")):
            found = overhead(start.model, start.deployment)
            assert start.taken is not None
            widths.append((found.high - found.low) / GIB / start.taken)
    assert len(widths) >= 5
    assert sum(widths) / len(widths) < 0.7


GRAPHED = [start for start in STARTS if start.graphs is not None]


@pytest.mark.parametrize("start", GRAPHED, ids=lambda start: start.name)
def test_graphs_lie_between_the_bounds(start: Start) -> None:
    found = overhead(start.model, start.deployment)
    low, high, in_budget = part(found, "CUDA graphs")
    assert start.graphs is not None
    assert low <= start.graphs <= high
    assert not in_budget  # none of them is from 0.20 or later


def test_graphs_count_since_vllm_estimates_them() -> None:
    assert not part(of(QWEN, "0.19.1"), "CUDA graphs")[2]
    assert part(of(QWEN, "0.20.2"), "CUDA graphs")[2]
    eager = of(QWEN, cudagraph_capture_sizes=())
    assert "CUDA graphs" not in {use.name for use in eager.parts}


def test_sampling_is_what_a_batch_of_many_requests_costs() -> None:
    few = of(QWEN, "0.16.0", max_num_seqs=16)
    many = of(QWEN, "0.16.0", max_num_seqs=1024)
    sorted_at_once = 1024 * 151_936 * 38
    assert many.low == pytest.approx(sorted_at_once)
    assert few.low < many.low / 10
    unsorted = of(QWEN, "0.19.1", max_num_seqs=1024)
    assert unsorted.low == pytest.approx(1024 * 151_936 * 14)


def test_the_second_runner_keeps_counts_for_every_request_instead() -> None:
    low, _, _ = part(of(QWEN, max_num_seqs=1024), "what stays allocated")
    assert low * GIB > 1024 * 151_936 * 4
    low, _, _ = part(of(QWEN, "0.20.2", max_num_seqs=1024), "what stays allocated")
    assert low * GIB < 1024 * 151_936


def test_only_the_last_stage_samples() -> None:
    plan = Deployment("0.16.0", pipeline_parallel=2, max_num_seqs=1024)
    first = overhead(QWEN, plan, stage=0)
    last = overhead(QWEN, plan, stage=1)
    assert first.high < last.high / 2
    assert last == overhead(QWEN, plan)


@pytest.mark.parametrize(
    "more",
    [
        {"max_num_batched_tokens": 16_384},
        {"max_num_seqs": 1024},
        {"max_loras": 4},
        {"tensor_parallel": 2},
        {"cudagraph_capture_sizes": tuple(range(1, 100))},
        {"speculative_method": "eagle3", "speculative_tokens": 3},
    ],
)
def test_more_of_anything_takes_no_less(more: dict[str, object]) -> None:
    assert of(QWEN, "0.32.0", **more).high > of(QWEN).high


def test_images_take_room_unless_there_is_only_language() -> None:
    gemma = ModelConfig(PUBLIC["google/gemma-3-27b-it"])
    assert of(gemma).high > of(gemma, language_model_only=True).high
    assert of(gemma).low == of(gemma, language_model_only=True).low


def test_memory_that_is_the_hosts_too_is_less_certain() -> None:
    own = of(QWEN, compute_capability=(12, 0))
    shared = of(QWEN, compute_capability=(12, 1))
    assert shared.low == own.low
    assert shared.high > own.high + 4 * GIB


def test_on_the_cpu_nothing_is_profiled() -> None:
    assert of(QWEN, device="cpu") == Overhead()


@settings(deadline=None)
@given(
    config=st.sampled_from([*PUBLIC.values(), {}, {"hidden_size": -1, "text_config": 3}]),
    release=st.sampled_from([*known_releases(), "0.6.4", "0.9.2"]),
    seqs=st.integers(1, 2048),
    tokens=st.integers(1, 65_536),
    tp=st.sampled_from([1, 2, 8]),
)
def test_whatever_the_model_the_bounds_are_in_order(
    config: dict[str, object], release: str, seqs: int, tokens: int, tp: int
) -> None:
    found = of(
        ModelConfig(config),  # type: ignore[arg-type]
        release,
        max_num_seqs=seqs,
        max_num_batched_tokens=tokens,
        tensor_parallel=tp,
    )
    assert found.parts
    assert all(0 <= use.low <= use.high and use.why for use in found.parts)
