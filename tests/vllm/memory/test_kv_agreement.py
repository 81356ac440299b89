"""The same figures as the real vLLM's own code makes, for the same configurations, to the byte."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.kv_cache import UnknownLayout, capacity, kv_layout
from tests.vllm.memory.models import MODELS, config_of

VLLM_PYTHON = os.environ.get("TEST_VLLM_PYTHON", "")
SHORT: Final = 2**30  # bytes, to find the longest request in
PLENTY: Final = 40 * 2**30
LENGTH: Final = 100_000
# What a CPU build cannot make: sparse attention, kernels of CUDA, an image library it lacks.
NOT_ON_CPU: Final = {"DeepSeek-V4-Flash", "GLM-5.1", "Kimi-Linear-48B", "Qwen3.5-122B"}
IN_ONE_STAGE: Final = {"Zamba2-1.2B"}
NO_STATE: Final = {"whisper-large-v3", "LFM2-1.2B"}  # for which a type can be set

ON_CPU: Final = Deployment(
    "0.32.0", device="cpu", max_num_batched_tokens=8192, async_scheduling=False
)
# Ways to run a model, by vLLM's names for what differs from the least.
WAYS: Final[tuple[tuple[Deployment, dict[str, Any]], ...]] = (
    (ON_CPU, {}),
    (
        replace(ON_CPU, tensor_parallel=2, pipeline_parallel=2),
        {"tensor_parallel_size": 2, "pipeline_parallel_size": 2},
    ),
    (
        replace(ON_CPU, prefix_caching=False, async_scheduling=True),
        {"enable_prefix_caching": False, "async_scheduling": True},
    ),
    (
        replace(ON_CPU, tensor_parallel=4, block_size=64, async_scheduling=True),
        {"tensor_parallel_size": 4, "block_size": 64, "async_scheduling": True},
    ),
    (replace(ON_CPU, hybrid_kv_cache=False), {"disable_hybrid_kv_cache_manager": True}),
)
Question = tuple[str, Deployment, dict[str, Any]]


def questions() -> list[Question]:
    asked: list[Question] = []
    for name in sorted(set(MODELS) - NOT_ON_CPU):
        stated = config_of(name).longest("0.32.0")
        length = min(stated.tokens if stated else LENGTH, LENGTH)
        half = MODELS[name]["torch_dtype"] == "float16"
        for plan, options in WAYS:
            if name in IN_ONE_STAGE and plan.pipeline_parallel > 1:
                continue
            plan = replace(plan, max_model_len=length, dtype="float16" if half else "bfloat16")
            told = options | {"max_model_len": length, "max_num_batched_tokens": 8192}
            if name == "whisper-large-v3":  # it has none
                told.pop("enable_prefix_caching", None)
            if name not in NO_STATE:
                plan = replace(plan, mamba_ssm_cache_dtype="float32")
                told["mamba_ssm_cache_dtype"] = "float32"
            asked.append((name, plan, told))
    return asked


@pytest.fixture(scope="module")
def answers() -> list[dict[str, Any]]:
    asked = [
        {
            "config": MODELS[name],
            "options": options,
            "available": [PLENTY - 2**20 * stage for stage in range(plan.pipeline_parallel)],
            "short": SHORT,
        }
        for name, plan, options in questions()
    ]
    done = subprocess.run(
        [VLLM_PYTHON, str(Path(__file__).with_name("ask_vllm.py"))],
        input=json.dumps(asked), capture_output=True, text=True, timeout=900, check=True,
    )  # fmt: skip
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return told


def ours(name: str, plan: Deployment) -> dict[str, Any]:
    length = plan.max_model_len or 0
    stages = range(plan.pipeline_parallel)
    layouts = [kv_layout(config_of(name), plan, stage=stage) for stage in stages]
    found = capacity(layouts, [PLENTY - 2**20 * stage for stage in stages])
    return {
        "needed": [layout.needed(length) for layout in layouts],
        "reserved": [layout.reserved for layout in layouts],
        "longest": [min(length, layout.longest(SHORT)) for layout in layouts],
        "blocks": found.blocks,
        "tokens": found.tokens,
        "max_concurrency": found.max_concurrency,
        "length": length,
    }


@pytest.mark.engine
@pytest.mark.timeout(1000)
@pytest.mark.skipif(not VLLM_PYTHON, reason="TEST_VLLM_PYTHON names no Python with vLLM")
def test_the_real_vllm_makes_the_same_of_every_model(answers: list[dict[str, Any]]) -> None:
    compared, differing = 0, []
    for (name, plan, options), answer in zip(questions(), answers, strict=True):
        if "error" in answer:  # vLLM refuses it: heads that do not divide, too little memory
            continue
        try:
            mine = ours(name, plan)
        except UnknownLayout as why:
            mine = {"unknown": str(why)}
        compared += 1
        if mine != {key: answer[key] for key in mine if key in answer}:
            differing.append((name, options, mine, answer))
    assert not differing
    assert compared >= 150


@pytest.mark.engine
@pytest.mark.timeout(1000)
@pytest.mark.skipif(not VLLM_PYTHON, reason="TEST_VLLM_PYTHON names no Python with vLLM")
def test_what_vllm_cannot_lay_out_is_unknown_here_too(answers: list[dict[str, Any]]) -> None:
    refused = [
        (name, plan)
        for (name, plan, _), answer in zip(questions(), answers, strict=True)
        if "Failed to promote" in answer.get("error", "")
    ]
    assert len(refused) >= 7
    for name, plan in refused:
        with pytest.raises(UnknownLayout, match="hybrid KV cache manager"):
            ours(name, plan)
