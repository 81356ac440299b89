"""MX719: experts shared out, of a model that has none.

vLLM 0.32.0, `config/model.py`, _verify_with_expert_parallelism.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import written_config

# Families without experts; of others, config.json may leave out how many there are.
_DENSE = {
    "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "phi3", "opt",
    "granite", "whisper", "bert", "mamba", "cohere", "gpt2", "olmo2",
}  # fmt: skip
_COUNTS = (
    "num_experts", "moe_num_experts", "n_routed_experts", "num_local_experts", "block_configs",
)  # fmt: skip


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A dense model has one network in each layer; vLLM refuses to start it so."""
    setting, config = facts.switched_on("enable-expert-parallel"), written_config(facts)
    if setting is None or config is None or config.model_type not in _DENSE:
        return
    if not any(config.text.get(key) for key in _COUNTS):
        yield RULE.finding(
            f"the model has no experts to share out ({config.model_type} is dense)",
            setting.place.key, key=setting.key, label="take it out",
        )  # fmt: skip


RULE = Rule("MX719", "no-experts", Severity.ERROR, check)
