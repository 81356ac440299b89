"""Our weights beside those of the real vLLM: the same to the byte, on every stage."""

import json
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from mixvllm.testing.checkpoint_shapes import tensors_of
from mixvllm.testing.public_configs import PUBLIC
from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.checkpoint.folder import read_checkpoint
from mixvllm.vllm.checkpoint.json_file import Json
from mixvllm.vllm.checkpoint.tensors import read_tensors
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.extras import rotary_bytes
from mixvllm.vllm.memory.weights import weights_per_rank

VLLM_PYTHON = os.environ.get("TEST_VLLM_PYTHON", "")
MODEL = os.environ.get("TEST_MODEL", "")
ASK = Path(__file__).with_name("ask_weights.py")

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not VLLM_PYTHON, reason="TEST_VLLM_PYTHON names no Python with vLLM"),
]

# Models that vLLM can build without a GPU. A model of experts is first: vLLM's groups are made
# for the first one.
NAMES = (
    "Qwen/Qwen3-30B-A3B",
    "mistralai/Mixtral-8x7B-Instruct-v0.1",
    "deepseek-ai/DeepSeek-V3",
    "Qwen/Qwen3-Next-80B-A3B-Instruct",
    "LGAI-EXAONE/EXAONE-4.0-32B",
    "meta-llama/Meta-Llama-3-8B",
    "casperhansen/llama-3.3-70b-instruct-awq",
    "Qwen/Qwen2-7B-Instruct",
    "Qwen/Qwen2.5-0.5B-Instruct",
    "Qwen/Qwen3-0.6B",
)
WAYS = ((1, 1, False), (2, 1, False), (8, 1, False), (2, 3, False), (8, 1, True))
_NOT_DIVISIBLE = {("Qwen/Qwen2-7B-Instruct", 8), ("Qwen/Qwen2.5-0.5B-Instruct", 8)}
_ROUTED = ("num_experts", "num_local_experts", "n_routed_experts")


@dataclass(frozen=True)
class Question:
    name: str
    tp: int
    pp: int
    expert_parallel: bool

    @property
    def config(self) -> dict[str, Json]:
        """Fewer layers and experts than the model has, and not as many as divide evenly."""
        config = PUBLIC[self.name] | {"num_hidden_layers": 5}
        config |= {key: 20 for key in _ROUTED if key in config}
        if isinstance(kinds := config.get("layer_types"), list):
            config["layer_types"] = kinds[:5]
        if "kv_lora_rank" in config:  # in 16 bits: no CPU kernel takes its blocks of 8
            config |= {"first_k_dense_replace": 1, "n_group": 1, "topk_group": 1}
            config |= {"topk_method": "noaux_tc", "scoring_func": "sigmoid"}
            config.pop("quantization_config", None)
        if self.expert_parallel:
            config |= {"hidden_size": 512, "intermediate_size": 512, "vocab_size": 1024}
            config |= {"moe_intermediate_size": 128} if "moe_intermediate_size" in config else {}
        return config

    @property
    def deployment(self) -> Deployment:
        return Deployment(
            "0.32.0",
            tensor_parallel=self.tp,
            pipeline_parallel=self.pp,
            expert_parallel=self.expert_parallel,
        )


def questions() -> list[Question]:
    every = [Question(name, *way) for name in NAMES for way in WAYS]
    return [
        question
        for question in every
        if (question.name, question.tp) not in _NOT_DIVISIBLE
        and (not question.expert_parallel or any(key in question.config for key in _ROUTED))
    ]


def ask(asked: list[dict[str, Json]]) -> list[list[int] | str]:
    done = subprocess.run(
        [VLLM_PYTHON, ASK],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers: list[list[int] | str] = json.loads(done.stdout)
    return answers


@cache
def answers() -> dict[Question, list[int] | str]:
    asked: list[dict[str, Json]] = [
        {
            "config": question.config,
            # vLLM logs whose experts are where, for which shapes are not enough
            "device": "cpu" if question.expert_parallel else "meta",
            "options": {
                "tensor_parallel_size": question.tp,
                "pipeline_parallel_size": question.pp,
                "enable_expert_parallel": question.expert_parallel,
                "max_model_len": 2048,
            },
        }
        for question in questions()
    ]
    return dict(zip(questions(), ask(asked), strict=True))


@pytest.mark.parametrize("question", questions(), ids=str)
def test_every_stage_holds_what_vllm_builds(question: Question) -> None:
    model = ModelConfig(question.config)
    ranks = weights_per_rank(tensors_of(question.config), model, question.deployment)
    table = rotary_bytes(model, question.deployment)  # no parameter, so not in vLLM's sum
    ours = [rank.size - table for rank in ranks if rank.rank == 0]
    last_norm = 2**14 if question.pp > 1 else 0  # of some families it is on every stage
    assert ours == pytest.approx(answers()[question], abs=last_norm, rel=0)


@pytest.mark.skipif(not MODEL, reason="TEST_MODEL names no model")
def test_a_real_model_takes_what_vllm_builds() -> None:
    found = read_checkpoint(Path(MODEL), fetched=False)
    assert found.config is not None
    tensors = read_tensors(Path(MODEL), found.weights.files)
    plan = Deployment("0.32.0")
    (rank,) = weights_per_rank(tensors.each, found.config, plan)
    (answer,) = ask([{"config": dict(found.config.values), "options": {}}])
    assert [rank.size - rotary_bytes(found.config, plan)] == answer
