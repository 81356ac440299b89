"""What well-known models cache, and what each release makes of it."""

from dataclasses import replace

import pytest

from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.checkpoint.json_file import Json
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.kv_cache import KvLayout, UnknownLayout, capacity, kv_layout
from mixvllm.vllm.memory.kv_groups import Group
from mixvllm.vllm.memory.kv_spec import Kind
from tests.vllm.memory.models import MODELS, Values, config_of

NOW = Deployment("0.32.0", max_model_len=8192)
GIB = 2**30


def layout(name: str, plan: Deployment = NOW, stage: int = 0) -> KvLayout:
    return kv_layout(config_of(name), plan, stage=stage)


# By the formula: layers that keep everything x KV heads x (key + value) x bytes.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Llama-3.1-8B", 32 * 8 * 256 * 2),
        ("Llama-3.1-70B", 80 * 8 * 256 * 2),
        ("Qwen2.5-7B", 28 * 4 * 256 * 2),
        ("Qwen3-8B", 36 * 8 * 256 * 2),
        ("Qwen3-30B-A3B", 48 * 4 * 256 * 2),
        ("Mistral-7B-v0.3", 32 * 8 * 256 * 2),
        ("Mixtral-8x7B", 32 * 8 * 256 * 2),
        ("gemma-2-9b", 21 * 8 * 512 * 2),
        ("gemma-3-27b", 10 * 16 * 256 * 2),
        ("gemma-3n-E4B", 4 * 2 * 512 * 2),  # of 7 full layers, 3 read another's
        ("gemma-4-31B", 10 * 4 * 1024 * 2),
        ("gpt-oss-20b", 12 * 8 * 128 * 2),
        ("gpt-oss-120b", 18 * 8 * 128 * 2),
        ("c4ai-command-r7b", 8 * 8 * 256 * 2),
        ("EXAONE-4.0-32B", 16 * 8 * 256 * 2),
        ("Llama-4-Scout", 12 * 8 * 256 * 2),
        ("GLM-4.5", 92 * 8 * 256 * 2),
        ("falcon-7b", 32 * 1 * 128 * 2),
        ("gpt2", 12 * 12 * 128 * 2),
        ("opt-6.7b", 32 * 32 * 256 * 2),
        ("DeepSeek-V2-Lite", 27 * 576 * 2),
        ("DeepSeek-V3", 61 * 576 * 2),
        ("Kimi-K2", 61 * 576 * 2),
        ("GLM-5.1", 78 * (576 * 2 + 132)),
        ("Qwen3-Next-80B", 12 * 2 * 512 * 2),
        ("Qwen3.5-122B", 12 * 2 * 512 * 2),
        ("Jamba-1.5-mini", 4 * 8 * 256 * 2),
        ("Step-3.5-Flash", 12 * 8 * 256 * 2),
        ("Zamba2-1.2B", 6 * 32 * 256 * 2),
        ("Nemotron-H-8B", 4 * 8 * 256 * 2),
        ("granite-4.0-h-tiny", 4 * 4 * 256 * 2),
        ("LFM2-1.2B", 6 * 8 * 128 * 2),
        ("whisper-large-v3", 32 * 20 * 128 * 2),
    ],
)
def test_a_further_token_costs_what_its_layers_keep(name: str, expected: int) -> None:
    assert layout(name).bytes_per_token == expected


@pytest.mark.parametrize(
    ("name", "blocks"),
    [("Mistral-7B-v0.1", 1 + (4095 + 2 * 2048 + 15) // 16), ("Phi-3-mini-4k", 1 + 4096 // 16)],
)
def test_a_model_that_only_slides_keeps_a_window_and_what_is_in_flight(
    name: str, blocks: int
) -> None:
    found = layout(name, replace(NOW, max_model_len=None))
    assert found.blocks_of(found.length) == blocks
    assert layout(name, replace(NOW, sliding_window=False)).blocks_of(8192) == 512


def test_states_make_blocks_longer() -> None:
    """544 tokens are the first multiple of 16 that is as large as a state of Qwen3-Next."""
    (full, *states) = sorted(layout("Qwen3-Next-80B").groups, key=lambda group: -len(group.members))
    assert {group.block for group in (full, *states)} == {544}
    assert len(states) == 3
    assert layout("Qwen3-Next-80B", replace(NOW, prefix_caching=False)).blocks_of(544) == 1 + 3
    assert layout("Qwen3-Next-80B").blocks_of(544) == 1 + 3 * 2


@pytest.mark.parametrize(
    ("release", "states"),
    [("0.25.1", 1), ("0.26.0", 8), ("0.27.1", 8), ("0.28.0", 2), ("0.32.0", 3)],
)
def test_prefix_caching_of_states_is_as_old_as_its_release(release: str, states: int) -> None:
    """Off before 0.26; a state for every block in 0.26 and 0.27; then two, and a checkpoint."""
    found = layout("Nemotron-H-8B", replace(NOW, release=release))
    of_states = {group.blocks(8192) for group in found.groups if is_state(group)}
    assert of_states == {states}
    off = layout("Nemotron-H-8B", replace(NOW, release=release, prefix_caching=False))
    assert {group.blocks(8192) for group in off.groups if is_state(group)} == {1}


def is_state(group: Group) -> bool:
    return all(spec.kind is Kind.STATE for spec in group.members.values())


def test_tokens_of_0_20_are_of_requests_of_the_longest_length() -> None:
    """Before, they were blocks divided between groups."""
    before = replace(NOW, release="0.19.1", max_num_batched_tokens=8192, max_model_len=4096)
    old = capacity([layout("gemma-3-27b", before)], [110 * GIB])
    new = capacity([layout("gemma-3-27b", replace(before, release="0.20.0"))], [110 * GIB])
    assert old.blocks == new.blocks
    assert old.tokens == old.blocks // 7 * 16
    assert new.tokens == int(new.max_concurrency * 4096)


@pytest.mark.parametrize(
    ("release", "needed"),
    [
        # Layer by layer: 18 keep everything, 18 a window of 128 and a batch.
        ("0.13.0", 18 * 32768 * (8192 + 1 + (127 + 1024 + 15) // 16)),
        # The first group alone, which is the sliding one.
        ("0.18.1", 18 * 32768 * (1 + (127 + 1024 + 15) // 16)),
        ("0.19.1", 18 * 32768 * (8192 + 1 + (127 + 1024 + 15) // 16)),
        # Two batches are in flight.
        ("0.26.0", 18 * 32768 * (8192 + 1 + (127 + 2048 + 15) // 16)),
    ],
)
def test_what_a_request_needs_changed_with_the_releases(release: str, needed: int) -> None:
    plan = Deployment(release, max_model_len=131072, max_num_batched_tokens=1024)
    assert layout("gpt-oss-120b", plan).needed(131072) == needed


def test_a_block_is_set_aside_since_0_29() -> None:
    for release, spare in (("0.28.0", 0), ("0.29.0", 1)):
        found = layout("Llama-3.1-8B", replace(NOW, release=release))
        room = found.needed(8192) + spare * found.block_bytes
        assert found.holds(room, 8192)
        assert not found.holds(room - 1, 8192)
        assert found.longest(room) == 8192


def test_the_length_that_fits_is_taken_when_asked_for() -> None:
    plan = replace(NOW, max_model_len=None, fit_max_model_len=True)
    found = layout("Llama-3.1-8B", plan)
    got = capacity([found], [2 * GIB])
    assert found.longest(2 * GIB) == 16368
    assert got.tokens == int(got.max_concurrency * 16368)
    assert capacity([found], [64 * GIB]).tokens == int(
        capacity([found], [64 * GIB]).max_concurrency * 131072
    )


def test_heads_are_kept_several_times_when_ranks_are_more() -> None:
    costs = [
        layout("Qwen2.5-7B", replace(NOW, tensor_parallel=ranks)).bytes_per_token
        for ranks in (1, 2, 4, 8)
    ]
    assert costs == [57344, 28672, 14336, 14336]


def test_latent_attention_is_whole_on_every_rank() -> None:
    for ranks in (1, 8):
        plan = replace(NOW, tensor_parallel=ranks)
        assert layout("DeepSeek-V3", plan).bytes_per_token == 61 * 576 * 2


def test_a_stage_keeps_its_layers_alone() -> None:
    plan = replace(NOW, pipeline_parallel=4, release="0.32.0")
    costs = [layout("Llama-3.1-8B", plan, stage).bytes_per_token for stage in range(4)]
    assert costs == [32768] * 4
    uneven = replace(plan, pp_layer_partition=(10, 10, 10, 2))
    assert [layout("Llama-3.1-8B", uneven, s).bytes_per_token for s in (0, 3)] == [40960, 8192]
    with pytest.raises(UnknownLayout, match="VLLM_PP_LAYER_PARTITION"):
        layout("Llama-3.1-8B", replace(plan, pp_layer_partition=(1, 2, 3, 4)))


def test_context_parallel_ranks_share_the_tokens() -> None:
    plan = replace(NOW, tensor_parallel=8, decode_context_parallel=4)
    assert layout("DeepSeek-V3", plan).needed(8192) == 2048 // 64 * 64 * 61 * 576 * 2
    old = replace(plan, release="0.19.1")
    one = replace(old, decode_context_parallel=1)
    shared, alone = (capacity([layout("DeepSeek-V3", p)], [8 * GIB]) for p in (old, one))
    assert shared.tokens == 4 * alone.tokens


def test_without_the_hybrid_manager_windows_keep_everything() -> None:
    plan = replace(NOW, hybrid_kv_cache=False)
    assert layout("gpt-oss-120b", plan).bytes_per_token == 36 * 8 * 128 * 2
    with pytest.raises(UnknownLayout, match="hybrid KV cache manager"):
        layout("Jamba-1.5-mini", plan)


def test_layers_for_speculation_are_kept_too() -> None:
    plan = replace(NOW, speculative_method="mtp", speculative_tokens=1)
    assert layout("GLM-5.1", plan).bytes_per_token == 79 * (576 * 2 + 132)
    assert layout("GLM-4.5", plan).bytes_per_token == 93 * 8 * 256 * 2
    assert layout("GLM-4.5", replace(plan, speculative_method="ngram")).bytes_per_token == (
        92 * 8 * 256 * 2
    )
    with pytest.raises(UnknownLayout, match="draft model"):
        layout("Llama-3.1-8B", replace(plan, speculative_method="eagle3"))


def test_what_speculation_looks_ahead_makes_states_longer() -> None:
    plan = replace(NOW, release="0.20.2", speculative_method="ngram", speculative_tokens=3)
    bare = replace(plan, speculative_method=None)
    for name in ("Nemotron-H-8B", "Qwen3-Next-80B"):
        assert layout(name, plan).block_bytes > layout(name, bare).block_bytes
        states = [group for group in layout(name, plan).groups if is_state(group)]
        assert {group.blocks(8192) for group in states} == {1 + 3}
    with pytest.raises(UnknownLayout, match="speculation"):
        layout("Falcon-H1-1.5B", plan)


def test_a_kimi_linear_keeps_states_and_latents() -> None:
    """A state of 32 heads: three convolutions of 16 bits, and 128 x 128 of 32 bits each."""
    plan = replace(NOW, prefix_caching=False)
    found = layout("Kimi-Linear-48B", plan)
    state = 3 * 32 * 128 * 3 * 2 + 32 * 128 * 128 * 4
    assert {spec.unit for spec in found.own} == {576 * 2, state}
    assert found.groups[0].block == 128 * -(-state // (128 * 1152))
    with pytest.raises(UnknownLayout, match="depends on the card"):
        layout("Kimi-Linear-48B")


def test_a_delta_nets_state_has_a_type_of_its_own_since_0_17() -> None:
    name, plan = "Qwen3.5-122B", replace(NOW, mamba_ssm_cache_dtype="auto")
    old, new = (
        {spec.unit for spec in layout(name, replace(plan, release=release)).own}
        for release in ("0.16.0", "0.17.0")
    )
    assert max(new) - max(old) == 64 * 128 * 128 * 2


@pytest.mark.parametrize(
    "name", ["gpt-oss-20b", "gemma-2-9b", "c4ai-command-r7b", "Mistral-7B-v0.1", "gemma-3n-E4B"]
)
def test_what_a_class_fills_in_is_the_same_as_when_it_is_written(name: str) -> None:
    written = MODELS[name]
    left_out = ("sliding_window", "sliding_window_pattern", "head_dim", "layer_types")
    bare: Values = {key: value for key, value in written.items() if key not in left_out}
    assert kv_layout(ModelConfig(bare), NOW).own == layout(name).own


def test_a_mistral_of_latent_attention_is_laid_out_as_deepseeks() -> None:
    """A log of Mistral-Small-4 says 22.5 GiB for a million tokens, and 810,208 for 17.39 GiB."""
    text: Values = MODELS["DeepSeek-V3"] | {
        "model_type": "mistral4", "num_hidden_layers": 36, "kv_lora_rank": 256,
        "max_position_embeddings": 1048576,
    }  # fmt: skip
    found = kv_layout(ModelConfig({"model_type": "mistral3", "text_config": text}), NOW)
    assert found.needed(1048576) / GIB == 22.5
    assert found.longest(int(17.39 * GIB)) == pytest.approx(810208, rel=0.0005)


# What vLLM 0.32.0's own code makes of caches like the model's in 40 GiB.
@pytest.mark.parametrize(
    ("length", "batch", "ahead", "needed", "tokens"),
    [
        (8192, 8192, True, 3371535360, 104355),
        (131072, 8192, True, 7210114560, 780765),
        (1048576, 16384, False, 10802142720, 4169106),
    ],
)
def test_compressed_layers_lie_side_by_side_in_a_block(
    length: int, batch: int, ahead: bool, needed: int, tokens: int
) -> None:
    plan = replace(NOW, max_model_len=length, max_num_batched_tokens=batch, async_scheduling=ahead)
    found = layout("DeepSeek-V4-Flash", plan)
    assert sorted(len(group.members) for group in found.groups) == [20, 21, 22, 42, 62]
    assert (found.block_bytes, found.needed(length)) == (1002240, needed)
    assert (found.blocks(40 * GIB), capacity([found], [40 * GIB]).tokens) == (42853, tokens)
    # 21 layers keep a vector and an index of every 4 tokens, 20 a vector of every 128.
    ours = sum(spec.page for spec in found.own if spec.kind is Kind.FULL)
    assert ours == 21 * (37440 + 8640) + 20 * 1728
    windows = {(spec.block, spec.window): spec.page for spec in found.own if spec.window}
    assert windows == {(64, 128): 37440, (4, 8): 8640, (8, 128): 32832}
    assert {spec.page for spec in found.own if spec.window == 8} == {32832, 8640}


@pytest.mark.parametrize(
    ("ratios", "sizes", "block"),
    [
        ([0] * 3 + [4] * 5 + [128] * 30, [4, 4, *[5] * 12, 10, 40], 282240),
        ([4, 128, 128] * 9, [*[9] * 5, 18, 36], 445824),
        ([4, 4, 128, 128, 128], [2, 3, 3, 4, 7], 112320),  # groups of 2 would pad no less
    ],
)
def test_groups_are_of_a_size_that_pads_little(
    ratios: list[Json], sizes: list[int], block: int
) -> None:
    """As vLLM 0.32.0's own code deals them out."""
    values = MODELS["DeepSeek-V4-Flash"]
    values = values | {"num_hidden_layers": len(ratios), "compress_ratios": ratios}
    found = kv_layout(ModelConfig(values), NOW)
    assert sorted(len(group.members) for group in found.groups) == sizes
    assert found.block_bytes == block


@pytest.mark.parametrize(
    ("values", "plan"),
    [
        ({}, replace(NOW, release="0.31.0")),
        ({}, replace(NOW, device="cpu")),
        ({}, replace(NOW, kv_cache_dtype="bfloat16")),
        ({}, replace(NOW, attention_backend="FLASHINFER_MLA_SPARSE_DSV4")),
        ({}, replace(NOW, block_size=64)),
        ({}, replace(NOW, hybrid_kv_cache=False)),
        ({}, replace(NOW, tensor_parallel=2, decode_context_parallel=2)),
        ({"head_dim": 256}, NOW),
        ({"compress_ratios": [4]}, NOW),
        ({"compress_ratios": [2] * 43}, NOW),
        ({"compress_ratios": [128] * 43}, NOW),
    ],
)
def test_compressed_layers_that_are_not_known(values: Values, plan: Deployment) -> None:
    with pytest.raises(UnknownLayout):
        kv_layout(ModelConfig(MODELS["DeepSeek-V4-Flash"] | values), plan)


def test_layers_of_one_kind_may_have_heads_of_their_own() -> None:
    other: Json = {
        "attention_type": "sliding_attention", "head_dim": 64, "num_attention_heads": 96,
        "num_attention_groups": 4,
    }  # fmt: skip
    config = ModelConfig(MODELS["Step-3.5-Flash"] | {"attention_other_setting": other})
    own = kv_layout(config, NOW).own
    units = {spec.kind: spec.unit for spec in own}
    assert units == {Kind.FULL: 8 * 256 * 2, Kind.SLIDING: 4 * 128 * 2}


def test_glm_has_an_index_whether_or_not_it_says_so() -> None:
    bare = {k: v for k, v in MODELS["GLM-5.1"].items() if k not in ("index_topk", "index_head_dim")}
    assert kv_layout(ModelConfig(bare), NOW).own == layout("GLM-5.1").own


def test_an_encoder_caches_nothing() -> None:
    values: Values = {"model_type": "bert", "num_hidden_layers": 12, "hidden_size": 768}
    found = kv_layout(ModelConfig(values), NOW)
    assert found.empty
    assert (found.bytes_per_token, found.needed(512), found.blocks(GIB)) == (0, 0, 0)
    assert capacity([found], [GIB]).tokens == 0


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, "model_type"),
        ({"model_type": "a-new-family"}, "a-new-family"),
        ({"model_type": "llama", "num_attention_heads": 0}, "num_attention_heads"),
        (MODELS["gemma-2-9b"] | {"layer_types": ["full_attention"]}, "layer_types"),
        (MODELS["Nemotron-H-8B"] | {"hybrid_override_pattern": "MX"}, "'X'"),
        (MODELS["Llama-3.1-8B"] | {"use_cla": True}, "use_cla"),
        (MODELS["DeepSeek-V3"] | {"qk_rope_head_dim": None}, "qk_rope_head_dim"),
        (MODELS["DeepSeek-V3"] | {"model_type": "deepseek_v32"}, "index_topk"),
        (MODELS["Llama-3.1-8B"] | {"kv_lora_rank": 512}, "kv_lora_rank"),
        (MODELS["Llama-3.1-8B"] | {"num_key_value_heads": "8"}, "num_key_value_heads"),
        (MODELS["Llama-3.1-8B"] | {"head_dim": -128}, "head_dim"),
        (MODELS["Qwen3-8B"] | {"layer_types": ["linear_attention"] * 36}, "'linear_attention'"),
    ],
)
def test_what_is_not_certain_is_not_guessed(values: Values, why: str) -> None:
    with pytest.raises(UnknownLayout, match=why):
        kv_layout(ModelConfig(values), NOW)


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"model_type": "falcon", "new_decoder_architecture": True, "num_kv_heads": 8}, 8),
        ({"model_type": "falcon", "multi_query": False}, 16),
        ({"model_type": "falcon"}, 1),
        ({"model_type": "gpt_bigcode"}, 1),
        ({"model_type": "gpt_bigcode", "multi_query": False}, 16),
        ({"model_type": "chatglm", "multi_query_attention": True, "multi_query_group_num": 2}, 2),
        ({"model_type": "chatglm", "multi_query_group_num": 2}, 16),
        ({"model_type": "dbrx", "attn_config": {"kv_n_heads": 8}}, 8),
        ({"model_type": "gptj"}, 16),
    ],
)
def test_families_name_their_kv_heads_in_their_own_ways(values: Values, kept: int) -> None:
    common: Values = {"num_attention_heads": 16, "hidden_size": 1024, "num_hidden_layers": 2}
    found = kv_layout(ModelConfig(common | values), NOW)
    assert found.bytes_per_token == 2 * kept * 128 * 2


def test_a_model_of_several_parts_is_read_by_its_language_model() -> None:
    inner = MODELS["Llama-3.1-8B"]
    for path in (("text_config",), ("llm_config",), ("thinker_config", "text_config")):
        values: Values = inner
        for key in reversed(path):
            values = {key: values}
        found = kv_layout(ModelConfig({"model_type": "several"} | values), NOW)
        assert found.bytes_per_token == 131072
    # Gemma 3 of 4B leaves its heads to transformers' class.
    sparse: Values = {"model_type": "gemma3_text", "hidden_size": 2560, "num_hidden_layers": 34}
    found = kv_layout(ModelConfig({"model_type": "gemma3", "text_config": sparse}), NOW)
    assert found.bytes_per_token == 5 * 4 * 512 * 2
