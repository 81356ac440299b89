"""Adaptive verification looks at all logits of the drafts.

vLLM 0.32.0, `config/speculative.py`, `SpeculativeConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.rules.combinations.speculation.asked import asked, method_of


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when they are never put together, with every method but dspark."""
    keys = asked(facts)
    adaptive, local = (
        keys.get("enable_adaptive_verification"),
        keys.get("use_local_argmax_reduction"),
    )
    if adaptive is None or local is None or method_of(keys) in (None, "dspark"):
        return
    if adaptive.value is True and local.value is True:
        yield contradicts(
            RULE, local, adaptive, "it needs the logits that the reduction never puts together",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "adaptive-argmax", Severity.ERROR, check, since="0.30")
