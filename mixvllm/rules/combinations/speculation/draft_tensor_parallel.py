"""The draft model runs on one GPU, or on all that the model has.

vLLM 0.32.0, `config/speculative.py`, `SpeculativeConfig._verify_and_get_draft_tp`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import whole
from mixvllm.rules.combinations.speculation.asked import DRAFT_MODELS, asked, method_of


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with any other number, where there is a draft model."""
    keys = asked(facts)
    size, all_of_them = (
        keys.get("draft_tensor_parallel_size"),
        facts.value_of("tensor-parallel-size"),
    )
    if size is None or not isinstance(all_of_them, int) or "model" not in keys:
        return
    model, method, ranks = keys["model"].value, method_of(keys), whole(size)
    if method not in DRAFT_MODELS and not (
        method is None and isinstance(model, str) and "/" in model
    ):
        return
    if ranks is not None and ranks > 0 and ranks not in (1, all_of_them):
        yield RULE.finding(
            f"`{size.name}` does not fit `tensor-parallel-size`: a draft model has 1 GPU or"
            f" all {all_of_them}",
            size.place.value, key=size.key, label=f"1 or {all_of_them}",
        )  # fmt: skip


RULE = Rule("MX242", "draft-tensor-parallel", Severity.ERROR, check)
