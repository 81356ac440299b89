"""The arithmetic against what real starts logged. The cases and their sources are in
`tests/data/memory_cases.json`."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.checkpoint.json_file import Json
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.kv_cache import Capacity, KvLayout, capacity, kv_layout
from tests.vllm.memory.models import MODELS

GIB = 2**30
CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data/memory_cases.json").read_text()
)
# Two ranks, of which the log prints one; the other's smaller figure made the tokens.
OTHER_RANK = {"i13061"}
# A hybrid with a draft layer of its own, of a build between two releases: tried by itself.
BUILD = {"f53530895476"}


def config_of(case: dict[str, Any]) -> ModelConfig:
    arch, length = case["arch"], case["max_model_len"] or 8192
    if arch["kind"] == "mla+indexer":
        return ModelConfig(MODELS["GLM-5.1"])
    values: dict[str, Json] = {
        "num_hidden_layers": arch["layers"], "num_attention_heads": 64,
        "num_key_value_heads": arch["kv_heads"], "head_dim": arch["head_dim"],
        "max_position_embeddings": length, "hidden_size": 64 * arch["head_dim"],
    }  # fmt: skip
    if arch["kind"] == "hybrid-swa":
        family = "gpt_oss" if "gpt-oss" in case["model"] else "gemma3_text"
        return ModelConfig(values | {"model_type": family, "sliding_window": arch["window"]})
    return ModelConfig(values | {"model_type": "llama"})


def layout_of(case: dict[str, Any]) -> KvLayout:
    release = re.match(r"\d+\.\d+(\.\d+)?", case["vllm_version"])
    assert release is not None
    plan = Deployment(
        release[0] if release[1] else f"{release[0]}.0",
        kv_cache_dtype=case["kv_cache_dtype"],
        tensor_parallel=case["tp"],
        max_model_len=case["max_model_len"],
        max_num_batched_tokens=case.get("max_num_batched_tokens") or 2048,
        block_size=case.get("block_size"),
    )
    return kv_layout(config_of(case), plan)


def bytes_of(case: dict[str, Any]) -> int:
    return int(case["kv_available_gib"] * GIB)


def capacity_of(case: dict[str, Any]) -> Capacity:
    return capacity([layout_of(case)], [bytes_of(case)])


def having(*keys: str) -> list[Any]:
    """The cases whose log has all of these."""
    return [
        pytest.param(case, id=case["id"])
        for case in CASES
        if all(case.get(key) for key in keys) and case["id"] not in OTHER_RANK | BUILD
    ]


@pytest.mark.parametrize("case", having("kv_available_gib", "kv_tokens"))
def test_the_tokens_are_those_that_vllm_logged(case: dict[str, Any]) -> None:
    within = 0.01 if "hybrid" in case["arch"]["kind"] else 0.005
    assert capacity_of(case).tokens == pytest.approx(case["kv_tokens"], rel=within)


@pytest.mark.parametrize("case", having("kv_available_gib", "max_concurrency"))
def test_the_concurrency_is_the_one_that_vllm_logged(case: dict[str, Any]) -> None:
    found = capacity_of(case).max_concurrency
    assert found == pytest.approx(case["max_concurrency"], rel=0.005, abs=0.01)


@pytest.mark.parametrize("case", having("kv_available_gib", "num_gpu_blocks"))
def test_the_blocks_are_those_that_vllm_logged(case: dict[str, Any]) -> None:
    assert capacity_of(case).blocks == pytest.approx(case["num_gpu_blocks"], rel=0.0005)


@pytest.mark.parametrize("case", having("needed_kv_gib"))
def test_a_refusal_says_how_much_a_request_needs(case: dict[str, Any]) -> None:
    layout, length = layout_of(case), case["max_model_len"]
    assert f"{layout.needed(length) / GIB:.2f}" == f"{case['needed_kv_gib']:.2f}"
    assert not layout.holds(bytes_of(case), length)


@pytest.mark.parametrize("case", having("estimated_max_len", "kv_available_gib"))
def test_a_refusal_estimates_the_longest_request(case: dict[str, Any]) -> None:
    longest = layout_of(case).longest(bytes_of(case))
    assert longest == pytest.approx(case["estimated_max_len"], rel=0.001)


def test_the_smallest_rank_decides() -> None:
    (case,) = (case for case in CASES if case["id"] in OTHER_RANK)
    layout = layout_of(case)
    other = int(case["kv_tokens"] * layout.bytes_per_token)
    ranks = capacity([layout, layout], [bytes_of(case), other])
    assert ranks.tokens == pytest.approx(case["kv_tokens"], rel=0.001)


def test_a_hybrid_with_a_draft_layer_of_its_own() -> None:
    """Qwen3.5-122B with MTP: states in 32 bits, prefix caching on, tokens by blocks."""
    (case,) = (case for case in CASES if case["id"] in BUILD)
    plan = Deployment(
        "0.19.1",
        kv_cache_dtype=case["kv_cache_dtype"],
        max_model_len=case["max_model_len"],
        speculative_method="mtp",
        speculative_tokens=1,
        prefix_caching=True,
    )
    found = capacity([kv_layout(ModelConfig(MODELS["Qwen3.5-122B"]), plan)], [bytes_of(case)])
    assert found.tokens == case["kv_tokens"] == 482080
    assert f"{found.max_concurrency:.2f}" == f"{case['max_concurrency']:.2f}"


def test_enough_cases_are_used() -> None:
    assert len(having("kv_available_gib", "kv_tokens")) >= 13
    assert len(having("needed_kv_gib")) >= 2
