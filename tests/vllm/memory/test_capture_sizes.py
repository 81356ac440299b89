"""Which sizes of batches have graphs."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.memory.capture_sizes import capture_sizes
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.options import known_releases

LLAMA = ModelConfig({"architectures": ["LlamaForCausalLM"]})
PLAN = Deployment("0.32.0", max_num_seqs=256, max_num_batched_tokens=2048)


def test_as_the_release_logs_them() -> None:
    sizes = capture_sizes(PLAN, LLAMA)
    assert sizes[:5] == (1, 2, 4, 8, 16)
    assert sizes[sizes.index(248) :][:3] == (248, 256, 272)
    assert sizes[-1] == 512
    assert len(sizes) == 51


@pytest.mark.parametrize(
    ("plan", "last"),
    [
        (replace(PLAN, max_num_seqs=32), (56, 64)),
        (replace(PLAN, max_num_seqs=1), (1, 2)),
        (replace(PLAN, max_num_seqs=1024, max_num_batched_tokens=8192), (496, 512)),
        (replace(PLAN, max_num_batched_tokens=100), (96, 100)),
        (replace(PLAN, release="0.19.1", max_num_batched_tokens=100), (88, 96)),
        (replace(PLAN, max_num_seqs=100), (192, 200)),
        (replace(PLAN, release="0.30.0", max_num_seqs=100), (192, 200)),
    ],
)
def test_the_batch_is_the_bound(plan: Deployment, last: tuple[int, int]) -> None:
    assert capture_sizes(plan, LLAMA)[-2:] == last


def test_the_number_of_requests_is_a_size_from_0_31_on() -> None:
    odd = replace(PLAN, max_num_seqs=100)
    assert 100 in capture_sizes(odd, LLAMA)
    assert 100 not in capture_sizes(replace(odd, release="0.30.0"), LLAMA)


def test_blackwell_goes_further_from_0_28_on() -> None:
    large = replace(PLAN, max_num_seqs=1024, max_num_batched_tokens=16384)
    assert capture_sizes(large, LLAMA, compute_capability=(10, 0))[-1] == 1024
    assert capture_sizes(large, LLAMA, compute_capability=(12, 0))[-1] == 512
    older = replace(large, release="0.27.1")
    assert capture_sizes(older, LLAMA, compute_capability=(10, 0))[-1] == 512


def test_sizes_of_the_first_runner_are_multiples_of_what_is_checked_at_once() -> None:
    drafting = replace(PLAN, speculative_method="eagle", speculative_tokens=3, release="0.20.2")
    assert all(size % 4 == 0 for size in capture_sizes(drafting, LLAMA))
    second = capture_sizes(replace(drafting, release="0.32.0"), LLAMA)
    assert any(size % 4 for size in second)
    assert 4 * 256 not in second  # beyond 512
    assert 4 * 100 in second


def test_what_a_profile_asks_for() -> None:
    assert capture_sizes(PLAN, LLAMA, asked=(8, 4, 8, 4096)) == (4, 8)
    assert capture_sizes(PLAN, LLAMA, largest=16) == (1, 2, 4, 8, 16)
    every = capture_sizes(PLAN, LLAMA, interactivity=True)
    assert every[:32] == tuple(range(1, 33))
    assert capture_sizes(replace(PLAN, release="0.16.0"), LLAMA, interactivity=True)[2] == 4


@pytest.mark.parametrize("change", [{"enforce_eager": True}, {"device": "cpu"}])
def test_where_there_are_no_graphs(change: dict[str, str | bool]) -> None:
    assert capture_sizes(replace(PLAN, **change), LLAMA) == ()  # type: ignore[arg-type]


@given(
    st.sampled_from(known_releases()),
    st.integers(1, 2000),
    st.integers(1, 20_000),
    st.integers(0, 7),
)
def test_sizes_rise_and_fit_the_batch(release: str, seqs: int, tokens: int, ahead: int) -> None:
    method = "eagle" if ahead else None
    plan = Deployment(
        release, max_num_seqs=seqs, max_num_batched_tokens=tokens,
        speculative_method=method, speculative_tokens=ahead,
    )  # fmt: skip
    sizes = capture_sizes(plan, LLAMA)
    assert list(sizes) == sorted(set(sizes))
    assert all(0 < size <= max(tokens, 1 + ahead) for size in sizes)
