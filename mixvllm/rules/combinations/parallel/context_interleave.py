"""Two sizes for one thing: the older option wins.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.adjust_dcp_kv_cache_interleave_size`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count, counted
from mixvllm.rules.combinations.pairs import overruled


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM takes the older one where both are set, with a line in its log."""
    new = facts.setting("cp-kv-cache-interleave-size")
    old = facts.setting("dcp-kv-cache-interleave-size")
    ranks, size = count(facts, "decode-context-parallel-size"), counted(old)
    if new is None or old is None or ranks is None or size is None or counted(new) is None:
        return
    if ranks > 1 and size > 1 and counted(new) != size:
        yield overruled(RULE, new, old, "the older option wins", remedy="take the older one out")


RULE = Rule("MX243", "context-interleave", Severity.WARNING, check)
