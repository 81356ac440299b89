"""Candidates are counted by the method `dspark`.

vLLM 0.32.0, `config/speculative.py`, `SpeculativeConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.rules.combinations.speculation.asked import asked, method_of


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with another method that has a draft model."""
    keys = asked(facts)
    count, method = keys.get("dspark_draft_topk"), keys.get("method")
    if count is None or method is None or "model" not in keys:
        return
    if method_of(keys) in ("eagle", "eagle3", "dflash"):
        yield contradicts(
            RULE, count, method, "only dspark chooses among candidates", remedy="take it out"
        )


RULE = Rule("MX241", "dspark-candidates", Severity.ERROR, check, since="0.28")
