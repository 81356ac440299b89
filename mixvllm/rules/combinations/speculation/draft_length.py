"""The draft model's context is at most the model's.

vLLM 0.32.0, `config/speculative.py`, `SpeculativeConfig._maybe_override_draft_max_model_len`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import whole
from mixvllm.rules.combinations.pairs import misfit
from mixvllm.rules.combinations.speculation.asked import DRAFT_MODELS, asked, method_of


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when it is longer, where the profile says both."""
    keys = asked(facts)
    draft, target = keys.get("max_model_len"), facts.setting("max-model-len")
    if (
        draft is None
        or target is None
        or "model" not in keys
        or method_of(keys) not in DRAFT_MODELS
    ):
        return
    length, limit = whole(draft), whole(target)
    if length is not None and limit is not None and length > limit > 0:
        yield misfit(
            RULE, draft, target, f"a draft goes no further than {limit} tokens",
            remedy=f"{limit} or less, or leave it out",
        )  # fmt: skip


RULE = Rule("MX242", "draft-length", Severity.ERROR, check)
