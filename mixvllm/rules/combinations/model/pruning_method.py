"""A way of pruning videos, and none pruned.

vLLM 0.32.0, `config/multimodal.py`, `MultiModalConfig.get_video_pruning_spec`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import idle


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Passed over without a rate above 0."""
    method, rate = facts.setting("video-pruning-method"), facts.value_of("video-pruning-rate")
    if method is not None and isinstance(method.value, str) and rate in (None, 0):
        yield idle(RULE, method, "video-pruning-rate", "no token is pruned")


RULE = Rule("MX243", "pruning-method", Severity.WARNING, check)
