"""What vLLM keeps beside the tensors of a checkpoint."""

from dataclasses import replace

import pytest

from mixvllm.testing.public_configs import PUBLIC
from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.checkpoint.json_file import Json
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.extras import extra_bytes, mxfp4_growth, rotary_bytes

ONE = Deployment("0.32.0")
HOPPER = replace(ONE, compute_capability=(9, 0))
ROW = 128 * 2  # bytes of a position with heads of 128


@pytest.mark.parametrize(
    ("more", "rows"),
    [
        ({}, 40_960),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, 40_960),
        ({"rope_scaling": {"type": "linear", "factor": 8.0}}, 8 * 40_960),
        ({"rope_parameters": {"rope_type": "linear", "factor": 2}}, 2 * 40_960),
        ({"rope_scaling": {"type": "linear", "factor": "much"}}, 40_960),
        ({"rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}}, 4 * 40_960),
        ({"rope_local_base_freq": 10_000.0}, 2 * 40_960),
        ({"max_position_embeddings": None}, 0),
    ],
)
def test_the_table_has_a_row_for_each_position(more: dict[str, Json], rows: int) -> None:
    model = ModelConfig({**PUBLIC["Qwen/Qwen3-8B"], **more})
    assert rotary_bytes(model, ONE) == rows * ROW
    assert rotary_bytes(model, replace(ONE, dtype="float32")) == 2 * rows * ROW


def test_of_latent_attention_only_the_rotated_part_has_rows() -> None:
    model = ModelConfig(PUBLIC["deepseek-ai/DeepSeek-V3"])
    assert rotary_bytes(model, ONE) == 163_840 * 64 * 2


def test_latent_attention_has_a_second_copy_of_a_quantised_matrix() -> None:
    name = "model.layers.#.self_attn.kv_b_proj.weight"
    eight = replace(ONE, tensor_parallel=8)
    assert extra_bytes(name, (32_768, 512), "F8_E4M3", ONE) == 32_768 * 512 * 2
    assert extra_bytes(name, (32_768, 512), "F8_E4M3", eight) == 32_768 * 512 * 2 // 8
    assert extra_bytes(name, (32_768, 512), "BF16", ONE) == 0
    assert extra_bytes("model.layers.#.self_attn.q_proj.weight", (8, 8), "F8_E4M3", ONE) == 0


@pytest.mark.parametrize(
    ("name", "shape", "plan", "growth"),
    [
        # 2880 are 45 times 64, and rows of 2880 are filled up to 3072
        ("gate_up_proj_blocks", (128, 5760, 90, 16), HOPPER, 3072 / 2880),
        ("gate_up_proj_scales", (128, 5760, 90), HOPPER, 1),
        ("down_proj_blocks", (128, 2880, 90, 16), HOPPER, 3072 / 2880),
        # 360 become 384, and rows of 384 are filled up to 512
        ("down_proj_blocks", (128, 2880, 90, 16), replace(HOPPER, tensor_parallel=8), 512 / 360),
        ("down_proj_scales", (128, 2880, 90), replace(HOPPER, tensor_parallel=8), 384 / 360),
        # elsewhere: 2880 become 2944, and 3072 across
        ("gate_up_proj_blocks", (128, 5760, 90, 16), ONE, 2944 / 2880 * 3072 / 2880),
        ("down_proj_scales", (128, 2880, 90), ONE, 2944 / 2880 * 3072 / 2880),
        ("down_proj_bias", (128, 2880), HOPPER, 1),
        ("down_proj_blocks", (128, 0, 90, 16), ONE, 1),
    ],
)
def test_kernels_of_mxfp4_fill_up_their_sides(
    name: str, shape: tuple[int, ...], plan: Deployment, growth: float
) -> None:
    found = mxfp4_growth(f"model.layers.#.mlp.experts.{name}", shape, plan)
    assert found == pytest.approx(growth)
