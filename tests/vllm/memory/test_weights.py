"""What each card holds: by what real starts logged, and by what must be true of any model."""

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixvllm.testing.checkpoint_shapes import tensors_of
from mixvllm.testing.public_configs import PUBLIC
from mixvllm.testing.quantised_shapes import tensor
from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.checkpoint.json_file import Json
from mixvllm.vllm.checkpoint.tensors import Tensor
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.extras import rotary_bytes
from mixvllm.vllm.memory.stages import has_embedding_everywhere, has_output_everywhere
from mixvllm.vllm.memory.weights import RankWeights, UnknownWeights, weights_per_rank
from tests.vllm.memory.field import STARTS, Start

ONE = Deployment("0.32.0")
QWEN = PUBLIC["Qwen/Qwen3-8B"]
MOE = PUBLIC["Qwen/Qwen3-30B-A3B"]


@cache
def published(name: str) -> tuple[Tensor, ...]:
    return tensors_of(PUBLIC[name])


def weigh(config: dict[str, Json], **plan: object) -> tuple[RankWeights, ...]:
    name = next((name for name, known in PUBLIC.items() if known is config), None)
    tensors = published(name) if name else tensors_of(config)
    deployment = replace(ONE, **plan)  # type: ignore[arg-type]
    return weights_per_rank(tensors, ModelConfig(config), deployment)


def size(config: dict[str, Json], **plan: object) -> int:
    return weigh(config, **plan)[0].size


def weigh_start(start: Start) -> tuple[RankWeights, ...]:
    return weights_per_rank(tensors_of(start.config), start.model, start.deployment)


WEIGHED = [start for start in STARTS if start.weights is not None]


@pytest.mark.parametrize("start", WEIGHED, ids=lambda start: start.name)
def test_weights_are_within_one_percent_of_what_vllm_logged(start: Start) -> None:
    rank, *_ = weigh_start(start)
    assert rank.size / 2**30 == pytest.approx(start.weights, rel=0.01)
    assert rank.unplaced == ()


def test_on_average_they_are_closer_by_far() -> None:
    errors = []
    for start in WEIGHED:
        rank, *_ = weigh_start(start)
        assert start.weights is not None
        errors.append(abs(rank.size / 2**30 / start.weights - 1))
    assert sum(errors) / len(errors) < 0.003


@pytest.mark.parametrize("name", sorted(PUBLIC))
@pytest.mark.parametrize("tp", [1, 2, 4, 8])
def test_cards_together_hold_the_model_and_what_is_copied(name: str, tp: int) -> None:
    config = PUBLIC[name]
    ranks = weigh(config, tensor_parallel=tp)
    once = size(config)
    together = sum(rank.size for rank in ranks)
    assert len(ranks) == tp
    copied = 0.06 if "gpt-oss" in name else 0.02  # MXFP4's kernels fill up narrow slices
    assert once <= together <= once * (1 + copied * (tp - 1)) + tp * 2**28
    assert all(not rank.unplaced for rank in ranks)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_stages_hold_each_layer_once_and_some_families_the_ends_too(name: str) -> None:
    config = PUBLIC[name]
    model = ModelConfig(config)
    family = str(model.text["model_type"])
    table = rotary_bytes(model, ONE)
    tied = not any(tensor.name == "lm_head.weight" for tensor in published(name))
    copied = 0.0
    for each in published(name):
        if each.name.startswith(("visual", "vision", "multi_modal")):
            copied += 3 * each.size
        elif ".layers." in each.name or each.name.startswith("mtp."):
            continue
        elif "embed_tokens" in each.name:
            padded = each.size / each.shape[0] * math.ceil(each.shape[0] / 64) * 64
            copied += padded * (3 if has_embedding_everywhere(family) else tied)
        elif has_output_everywhere(family):
            copied += 3 * each.size
    staged = weigh(config, pipeline_parallel=4)
    assert sum(rank.size - table for rank in staged) == size(config) - table + copied


def test_keys_and_values_are_copied_when_there_are_fewer_heads_than_cards() -> None:
    per_layer = 2 * 4 * 128 * 2048 * 2  # two matrices of 4 heads in 16 bits
    ranks = {tp: size(MOE, tensor_parallel=tp) for tp in (4, 8)}
    everywhere = 48 * (128 * 2048 + 2 * 2048 + 2 * 128) * 2 + 2048 * 2  # routers and norms
    everywhere += rotary_bytes(ModelConfig(MOE), ONE)
    rest = {tp: (ranks[tp] - everywhere - 48 * per_layer // 4) * tp for tp in (4, 8)}
    assert rest[4] == pytest.approx(rest[8])


def test_experts_are_dealt_out_whole_and_the_first_cards_take_the_rest() -> None:
    ten = {**MOE, "num_experts": 10}
    ranks = weigh(ten, tensor_parallel=4, expert_parallel=True)
    expert = 3 * 768 * 2048 * 2 * 48
    assert [rank.size - ranks[3].size for rank in ranks] == [expert, expert, 0, 0]
    even = weigh(ten, tensor_parallel=4)
    assert sum(rank.size for rank in even) == sum(rank.size for rank in ranks)


def test_data_parallel_cards_share_experts_and_nothing_else() -> None:
    experts = 48 * 128 * 3 * 768 * 2048 * 2
    alone = size(MOE)
    for expert_parallel in (True, False):
        shared = size(MOE, data_parallel=4, expert_parallel=expert_parallel)
        assert alone - shared == experts * 3 // 4


def test_a_tied_output_is_counted_once_even_if_the_checkpoint_has_both() -> None:
    small = PUBLIC["Qwen/Qwen3-0.6B"]
    both = (*tensors_of(small), tensor("lm_head.weight", "BF16", 151936, 1024))
    (rank,) = weights_per_rank(both, ModelConfig(small), ONE)
    assert rank.size == size(small)


def test_a_vocabulary_is_padded_before_it_is_cut() -> None:
    odd = {**QWEN, "vocab_size": 151_937, "num_hidden_layers": 1}
    even = {**QWEN, "vocab_size": 152_000, "num_hidden_layers": 1}
    assert size(odd, tensor_parallel=2) == size(even, tensor_parallel=2)


def test_a_checkpoint_in_32_bits_is_loaded_in_the_type_that_is_asked() -> None:
    long = {**QWEN, "torch_dtype": "float32", "max_position_embeddings": 0}
    short = {**QWEN, "max_position_embeddings": 0}
    assert size(long) == size(short)
    assert size(short, dtype="float32") == 2 * size(short)


def test_quantising_at_the_load_halves_matrices_and_leaves_the_rest() -> None:
    half = size(QWEN) - size(QWEN, quantization="fp8")
    matrices = 36 * (2 * 4096 * 4096 + 2 * 1024 * 4096 + 3 * 12288 * 4096)
    assert half == matrices
    only_experts = size(MOE) - size(MOE, quantization="experts_int8")
    assert only_experts == 48 * 128 * 3 * 768 * 2048


def test_layers_that_draft_tokens_are_held_only_to_draft() -> None:
    config = PUBLIC["deepseek-ai/DeepSeek-V3"]
    plain = size(config, tensor_parallel=8)
    drafting = size(
        config,
        tensor_parallel=8,
        speculative_method="mtp",
        speculative_tokens=1,
    )
    layer = 256 * 3 * 7168 * 2048 / 8  # its experts in 8 bits are nearly all of it
    assert layer < drafting - plain < 1.2 * layer


def test_what_is_offloaded_is_not_on_the_card() -> None:
    away = weigh(QWEN, cpu_offload_bytes=2**30)[0]
    assert (away.size, away.offloaded) == (size(QWEN) - 2**30, 2**30)
    all_away = weigh(QWEN, cpu_offload_bytes=2**40)[0]
    ends = 2 * 151936 * 4096 * 2 + 4096 * 2 + rotary_bytes(ModelConfig(QWEN), ONE)
    assert all_away.size == ends  # only layers can be away


def test_an_encoder_of_images_is_cut_whole_or_left_out_as_asked() -> None:
    config = PUBLIC["Qwen/Qwen2.5-VL-72B-Instruct"]
    cut = size(config, tensor_parallel=4)
    whole = size(config, tensor_parallel=4, mm_encoder_tp_mode="data")
    none = size(config, tensor_parallel=4, language_model_only=True)
    assert none < cut < whole
    assert (whole - none) / (cut - none) == pytest.approx(4, rel=0.02)


def test_a_model_that_pools_needs_no_output_matrix() -> None:
    assert size(QWEN) - size(QWEN, runner="pooling") == 151936 * 4096 * 2


def test_stages_follow_the_partition_that_is_asked() -> None:
    first, second = weigh(QWEN, pipeline_parallel=2, pp_layer_partition=(30, 6))
    layer = (first.size - second.size) // 24
    assert layer == pytest.approx(2 * (2 * 4096 * 4096 + 2 * 1024 * 4096 + 3 * 12288 * 4096), 0.01)
    with pytest.raises(UnknownWeights, match="VLLM_PP_LAYER_PARTITION=30, 5 does not deal out 36"):
        weigh(QWEN, pipeline_parallel=2, pp_layer_partition=(30, 5))


def test_names_that_nobody_knows_are_counted_whole_and_named() -> None:
    strange = tensor("model.layers.0.flux.capacitor.weight", "BF16", 1000, 1000)
    tensors = (*tensors_of(QWEN), strange)
    model = ModelConfig(QWEN)
    for tp in (1, 2):
        known, *_ = weights_per_rank(tensors_of(QWEN), model, replace(ONE, tensor_parallel=tp))
        rank, *_ = weights_per_rank(tensors, model, replace(ONE, tensor_parallel=tp))
        assert rank.size - known.size == 2_000_000
        assert rank.unplaced == (() if tp == 1 else ("model.layers.#.flux.capacitor.weight",))


@pytest.mark.parametrize(
    ("tensors", "config", "plan", "why"),
    [
        ((), QWEN, ONE, "no tensors"),
        (tensors_of(QWEN), QWEN, replace(ONE, quantization="bitsandbytes"), "bitsandbytes makes"),
        (tensors_of(QWEN), QWEN, replace(ONE, quantization="quark"), "is not quantised"),
        (tensors_of(QWEN), QWEN, replace(ONE, dtype="int3"), "dtype int3"),
        (tensors_of(QWEN), {}, replace(ONE, pipeline_parallel=2), "how many layers"),
    ],
)
def test_what_cannot_be_told_is_said_in_a_sentence(
    tensors: tuple[Tensor, ...], config: dict[str, Json], plan: Deployment, why: str
) -> None:
    with pytest.raises(UnknownWeights, match=why):
        weights_per_rank(tensors, ModelConfig(config), plan)


def hostile() -> Iterator[Tensor]:
    yield tensor("", "BF16", 3)
    yield tensor(".", "U8")
    yield tensor("model.layers.999999999999999999999.q_proj.weight", "F16", 4, 4)
    yield tensor("model.layers.-1.q_proj.weight", "F16", 0, 4)
    yield tensor("lm_head.weight", "F16")
    yield tensor("model.layers.0.mlp.experts.gate_up_proj_blocks", "U8", 0, 0, 0, 0)
    yield tensor("model.layers.0.mlp.experts.gate_up_proj_scales", "U8", 1, 0, 0)


@pytest.mark.parametrize("tp", [1, 2, 7])
@pytest.mark.parametrize("expert_parallel", [False, True])
def test_odd_names_and_shapes_do_no_harm(tp: int, expert_parallel: bool) -> None:
    plan = replace(ONE, tensor_parallel=tp, expert_parallel=expert_parallel)
    ranks = weights_per_rank(tuple(hostile()), ModelConfig(QWEN), plan)
    assert all(rank.size >= 0 for rank in ranks)


_SIDES = st.lists(st.integers(0, 4), max_size=4)


@settings(deadline=None, max_examples=200)
@given(
    name=st.lists(
        st.sampled_from([
            "model", "layers", "0", "3", "q_proj", "k_proj", "experts", "gate_up_proj_blocks",
            "weight", "scales", "visual", "mtp", "lm_head", "embed_tokens", "A_log", "bias", "é",
        ]),
        max_size=6,
    ).map(".".join),
    sides=_SIDES,
    tp=st.sampled_from([1, 2, 3, 8]),
    pp=st.sampled_from([1, 2, 5]),
)  # fmt: skip
def test_any_name_is_placed_or_counted_whole(name: str, sides: list[int], tp: int, pp: int) -> None:
    model = ModelConfig({**QWEN, "max_position_embeddings": None})
    each = tensor(name, "BF16", *sides)
    plan = replace(ONE, tensor_parallel=tp, pipeline_parallel=pp)
    ranks = weights_per_rank((each,), model, plan)
    assert len(ranks) == tp * pp
    assert all(0 <= rank.size <= each.size * 2**16 for rank in ranks)  # MXFP4 of one weight


def test_all_of_a_large_checkpoint_is_weighed_in_a_moment() -> None:
    tensors = tensors_of(PUBLIC["Qwen/Qwen3-235B-A22B-Instruct-2507-FP8"])
    assert len(tensors) > 70_000
    began = time.process_time()
    weights_per_rank(
        tensors,
        ModelConfig(PUBLIC["Qwen/Qwen3-235B-A22B-Instruct-2507-FP8"]),
        replace(ONE, tensor_parallel=8),
    )
    assert time.process_time() - began < 3
