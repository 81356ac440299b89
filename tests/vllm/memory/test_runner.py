"""Which runner a model gets in which release."""

import pytest

from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.checkpoint.json_file import Json
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.runner import uses_second_runner

QWEN3: dict[str, Json] = {"architectures": ["Qwen3ForCausalLM"]}
LLAMA: dict[str, Json] = {"architectures": ["LlamaForCausalLM"]}
PHI: dict[str, Json] = {"architectures": ["Phi3ForCausalLM"]}
MOE: dict[str, Json] = {"architectures": ["Qwen3MoeForCausalLM"], "num_experts": 128}
HYBRID: dict[str, Json] = {"architectures": ["Qwen3_5"], "linear_num_value_heads": 32}


@pytest.mark.parametrize(
    ("config", "since"),
    [
        (QWEN3, "0.22.1"),
        (LLAMA, "0.23.0"),
        (PHI, "0.25.1"),
        (MOE, "0.29.0"),
        (HYBRID, "0.29.0"),
        ({**LLAMA, "quantization_config": {"quant_method": "awq"}}, "0.24.0"),
    ],
)
def test_the_first_release_with_the_second_runner(config: dict[str, Json], since: str) -> None:
    releases = ["0.21.0", "0.22.1", "0.23.0", "0.24.0", "0.25.1", "0.28.0", "0.29.0", "0.32.0"]
    having = [r for r in releases if uses_second_runner(Deployment(r), ModelConfig(config))]
    assert having == releases[releases.index(since) :]


def test_what_only_the_first_one_can() -> None:
    def second(release: str, **change: str) -> bool:
        return uses_second_runner(Deployment(release, **change), ModelConfig(LLAMA))  # type: ignore[arg-type]

    assert not second("0.32.0", speculative_method="medusa")
    assert not second("0.32.0", device="cpu")
    assert not second("0.28.0", speculative_method="ngram")
    assert second("0.32.0", speculative_method="ngram")
    assert not second("0.28.0", runner="pooling")
