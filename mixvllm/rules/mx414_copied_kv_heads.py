"""MX414: more tensor-parallel ranks than heads of the KV cache."""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import number, written_config

_LATENT: Final = (
    "kv_lora_rank"  # one latent vector instead of heads (MLA): every rank has it anyway
)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Each rank has at least one head: beyond that, ranks hold copies, and the cache of a token
    takes as much of each card as before. Decode context parallelism spreads them again.
    """
    setting, config = facts.setting("tensor-parallel-size"), written_config(facts)
    ranks = number(setting)
    if setting is None or ranks is None or config is None or _LATENT in config.text:
        return
    heads, kv_heads = config.heads, config.kv_heads
    if heads is None or kv_heads is None or not 0 < kv_heads < ranks:
        return
    spread = number(facts.setting("decode-context-parallel-size")) or 1
    copies = ranks // kv_heads
    if heads % ranks or ranks % kv_heads or spread >= copies:
        return
    few = "1 KV head" if kv_heads == 1 else f"{kv_heads} KV heads"
    yield RULE.finding(
        f"the model has {few}: on {ranks} ranks each is held {copies} times, and the cache of a"
        f" token takes as much of a card as on {kv_heads}",
        setting.place.value, key=setting.key,
        hint=f"decode-context-parallel-size {copies} would spread the cache over them",
    )  # fmt: skip


RULE = Rule("MX414", "copied-kv-heads", Severity.INFO, check)
