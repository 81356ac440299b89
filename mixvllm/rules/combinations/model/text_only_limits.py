"""Limits for images, and no images.

vLLM 0.32.0, `config/multimodal.py`, `MultiModalConfig.get_limit_per_prompt`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import overruled


def check(facts: Facts) -> Iterator[Diagnostic]:
    """With the language model alone every limit is 0."""
    alone, limits = facts.switched_on("language-model-only"), facts.setting("limit-mm-per-prompt")
    given = inside(facts, "limit-mm-per-prompt").values()
    if alone is not None and limits is not None and any(limit.value != 0 for limit in given):
        yield overruled(RULE, limits, alone, "every limit is 0", remedy="take one of the two out")


RULE = Rule("MX243", "text-only-limits", Severity.WARNING, check, since="0.17")
