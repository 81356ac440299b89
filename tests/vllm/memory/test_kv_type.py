"""How many bytes a token takes in each type of cache."""

from dataclasses import replace

import pytest

from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.checkpoint.json_file import Json
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.kv_cache import UnknownLayout, kv_layout
from mixvllm.vllm.memory.kv_type import head_bytes, resolved_type
from mixvllm.vllm.memory.layer import Heads
from tests.vllm.memory.models import MODELS, config_of

NOW = Deployment("0.32.0", max_model_len=8192)
HEADS = 36 * 8  # of all layers of Qwen3-8B, with keys and values of 128 elements each


@pytest.mark.parametrize(
    ("kind", "per_head"),
    [
        ("auto", 512),
        ("bfloat16", 512),
        ("float32", 1024),
        ("fp8", 256),
        ("fp8_e5m2", 256),
        ("int8_per_token_head", 256 + 8),
        ("fp8_per_token_head", 256 + 8),
        ("int4_per_token_head", 128 + 8),
        ("nvfp4", 2 * (64 + 8)),
        ("nvfp4_4over6", 2 * (64 + 8)),
    ],
)
def test_bytes_of_a_head(kind: str, per_head: int) -> None:
    plan = replace(NOW, kv_cache_dtype=kind)
    assert kv_layout(config_of("Qwen3-8B"), plan).bytes_per_token == HEADS * per_head


@pytest.mark.parametrize(
    ("kind", "slot"),
    [
        ("turboquant_k8v4", 128 + 64 + 4),
        ("turboquant_4bit_nc", 64 + 2 + 64 + 4),
        ("turboquant_k3v4_nc", 48 + 2 + 64 + 4),
        ("turboquant_3bit_nc", 48 + 2 + 48 + 4),
    ],
)
def test_turboquant_spares_two_layers_at_each_end(kind: str, slot: int) -> None:
    plan = replace(NOW, kv_cache_dtype=kind)
    found = kv_layout(config_of("Qwen3-8B"), plan).bytes_per_token
    assert found == 8 * (32 * slot + 4 * 512)


def test_a_slot_of_turboquant_is_of_an_even_size() -> None:
    odd = 27 + 2 + 36 + 4
    assert head_bytes(Heads(1, 72, 72), "turboquant_k3v4_nc", NOW) == odd + 1


def test_a_state_takes_the_type_of_its_own() -> None:
    """Of Nemotron-H 32 bits, which makes blocks longer; what is asked for goes first."""
    name, plan = "Nemotron-H-8B", replace(NOW, prefix_caching=False)
    block = kv_layout(config_of(name), plan).groups[0].block
    small = replace(plan, mamba_ssm_cache_dtype="bfloat16")
    assert kv_layout(config_of(name), small).groups[0].block < block
    old = replace(plan, release="0.12.0")
    assert kv_layout(config_of(name), old).groups[0].block < block


LATENT = 78 * 132  # bytes of the index of GLM-5.1


@pytest.mark.parametrize(
    ("plan", "per_layer"),
    [
        (replace(NOW, kv_cache_dtype="fp8_ds_mla"), 656),
        (replace(NOW, kv_cache_dtype="nvfp4_ds_mla"), 352),
        (replace(NOW, kv_cache_dtype="fp8", compute_capability=(9, 0)), 656),
        (replace(NOW, kv_cache_dtype="fp8", attention_backend="FLASHMLA_SPARSE"), 656),
        (replace(NOW, kv_cache_dtype="fp8", attention_backend="FLASHINFER_MLA_SPARSE"), 576),
        (replace(NOW, compute_capability=(12, 0)), 656),
        (replace(NOW, compute_capability=(9, 0)), 1152),
        (replace(NOW, release="0.19.1", kv_cache_dtype="fp8"), 656),
    ],
)
def test_sparse_attention_packs_its_latent(plan: Deployment, per_layer: int) -> None:
    found = kv_layout(config_of("GLM-5.1"), plan).bytes_per_token
    assert found == 78 * per_layer + LATENT


def test_what_a_backend_decides_on_is_not_guessed() -> None:
    for plan in (
        replace(NOW, kv_cache_dtype="fp8"),
        replace(NOW, compute_capability=(10, 0)),
    ):
        with pytest.raises(UnknownLayout):
            kv_layout(config_of("GLM-5.1"), plan)
    for kind in ("ultraquant_4bit", "a-new-type"):
        with pytest.raises(UnknownLayout, match=kind):
            kv_layout(config_of("Qwen3-8B"), replace(NOW, kv_cache_dtype=kind))


FP8: dict[str, Json] = {"num_bits": 8, "type": "float", "dynamic": False}


@pytest.mark.parametrize(
    ("made", "release", "asked", "expected"),
    [
        ({"quant_method": "fp8"}, "0.32.0", "auto", "auto"),
        ({"quant_method": "compressed-tensors", "kv_cache_scheme": FP8}, "0.32.0", "auto", "fp8"),
        (
            {"quant_method": "compressed-tensors", "kv_cache_scheme": FP8},
            "0.32.0", "bfloat16", "bfloat16",
        ),
        (
            {"quant_method": "compressed-tensors", "kv_cache_scheme": FP8},
            "0.20.2", "bfloat16", "fp8",
        ),
        ({"quant_method": "compressed-tensors", "kv_cache_scheme": FP8}, "0.15.1", "auto", "auto"),
        ({"quant_method": "compressed-tensors", "kv_cache_scheme": None}, "0.32.0", "auto", "auto"),
        ({"quant_method": "modelopt", "kv_cache_scheme": FP8}, "0.32.0", "auto", "fp8"),
        (
            {"producer": {"name": "modelopt"}, "quantization": {"kv_cache_quant_algo": "FP8"}},
            "0.32.0", "auto", "fp8",
        ),
        ({"quant_method": "modelopt", "kv_cache_quant_algo": "NVFP4"}, "0.32.0", "auto", "nvfp4"),
        ({"quant_method": "modelopt", "kv_cache_quant_algo": "INT2"}, "0.32.0", "auto", "auto"),
        ({"quant_method": "modelopt", "kv_cache_quant_algo": "FP8"}, "0.13.0", "auto", "auto"),
    ],
)  # fmt: skip
def test_a_checkpoint_may_name_the_type(
    made: dict[str, Json], release: str, asked: str, expected: str
) -> None:
    config = ModelConfig(MODELS["Qwen3-8B"] | {"quantization_config": made})
    assert resolved_type(config, Deployment(release, kv_cache_dtype=asked)) == expected
