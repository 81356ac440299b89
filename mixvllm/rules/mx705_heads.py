"""MX705: attention heads that cannot be shared out among the ranks.

vLLM 0.32.0, `config/model.py`, verify_with_parallel_config; for the heads of the KV cache
`model_executor/layers/linear.py`, QKVParallelLinear.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import number, written_config
from mixvllm.vllm.checkpoint.config import ModelConfig

# Families whose layers share out heads by QKVParallelLinear and in no other way.
_SHARED_OUT = {
    "llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "gemma", "gemma2",
    "gemma3_text", "phi3", "gpt_oss", "granite",
}  # fmt: skip


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Each rank computes whole heads. Heads of the KV cache are copied when there are more ranks
    than heads, but then every head as often as every other.
    """
    setting, config = facts.setting("tensor-parallel-size"), written_config(facts)
    ranks = number(setting)
    if setting is None or config is None or config.heads is None or ranks is None or ranks < 2:
        return
    kv_heads = config.kv_heads if config.model_type in _SHARED_OUT else None
    if config.heads % ranks:
        message = (
            f"the model's {config.heads} attention heads cannot be shared out among {ranks} ranks"
        )
    elif kv_heads is not None and kv_heads % ranks and ranks % kv_heads:
        message = (
            f"the model's {kv_heads} heads of the KV cache cannot be shared out among {ranks} ranks"
        )
    else:
        return
    fitting = [n for n in range(1, 65) if _fits(config, kv_heads, n)]
    yield RULE.finding(
        message,
        setting.place.value,
        key=setting.key,
        label=f"take one of {', '.join(map(str, fitting))}",
    )


def _fits(config: ModelConfig, kv_heads: int | None, ranks: int) -> bool:
    return (config.heads or 0) % ranks == 0 and (
        kv_heads is None or kv_heads % ranks == 0 or ranks % kv_heads == 0
    )


RULE = Rule("MX705", "heads", Severity.ERROR, check)
