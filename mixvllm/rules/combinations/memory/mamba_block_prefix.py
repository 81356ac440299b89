"""Blocks of Mamba states, and none that are kept.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.validate_mamba_block_size`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Without prefix caching a block is as long as the longest request, and no other size goes."""
    size, cache = facts.setting("mamba-block-size"), facts.switched_off("enable-prefix-caching")
    tokens, longest = counted(size), counted(facts.setting("max-model-len"))
    if size is None or cache is None or tokens is None or longest is None:
        return
    if tokens != longest:
        yield contradicts(
            RULE, size, cache, "states are kept in blocks by prefix caching only",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "mamba-block-prefix", Severity.ERROR, check)
