"""Which of vLLM's two model runners a deployment gets: they use memory differently.

Read from `config/vllm.py` (use_v2_model_runner) of 0.20.2 to 0.33.0. The second is for plain
Qwen3 from 0.22 on, with Llama and Mistral from 0.23 on, for dense models from 0.25 on, and for all
from 0.29 on. It needs Triton, which every CUDA build has; ``VLLM_USE_V2_MODEL_RUNNER`` overrules
all of it.
"""

from typing import Final

from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.table import numbers

_EXPERTS: Final = (
    "num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts",
)  # fmt: skip
_STATES: Final = ("linear_num_value_heads", "mamba_d_state", "ssm_state_size", "state_size")
_PLAIN: Final = frozenset({"Qwen3ForCausalLM", "LlamaForCausalLM", "MistralForCausalLM"})
_WITH_EXPERTS: Final = frozenset({
    "DeepseekV2ForCausalLM", "GraniteMoeForCausalLM", "Qwen2MoeForCausalLM",
})  # fmt: skip
# Methods that draft tokens and that the second runner cannot do (0.32.0); n-grams until 0.28.
_ONLY_FIRST: Final = frozenset({"suffix", "medusa", "mlp_speculator", "custom_class"})


def uses_second_runner(deployment: Deployment, config: ModelConfig) -> bool:
    """Whether the second runner is taken."""
    release = numbers(deployment.release)
    method = deployment.speculative_method
    if deployment.device != "cuda" or method in _ONLY_FIRST:
        return False
    if release >= numbers("0.29.0"):
        return True
    if deployment.runner != "generate" or method in ("ngram", "ngram_gpu"):
        return False
    listed = frozenset(config.architectures)
    experts = any(config.text.get(key) for key in _EXPERTS)
    if release >= numbers("0.25.0"):
        has_state = any(config.text.get(key) for key in _STATES)
        return not has_state and (not experts or not listed.isdisjoint(_WITH_EXPERTS))
    if release >= numbers("0.24.0"):
        return not listed.isdisjoint(_PLAIN | _WITH_EXPERTS)
    if experts or config.quantization is not None or deployment.quantization:
        return False
    if release >= numbers("0.23.0"):
        return not listed.isdisjoint(_PLAIN)
    return release >= numbers("0.22.0") and "Qwen3ForCausalLM" in listed
