"""BitsAndBytes weights have a loader of their own.

vLLM 0.27.1, `engine/arg_utils.py`, `EngineArgs.create_load_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import overruled


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Every other format is passed over."""
    form, method = facts.setting("load-format"), facts.setting("quantization")
    if form is None or method is None or method.value != "bitsandbytes":
        return
    if isinstance(form.value, str) and form.value.lower() not in ("auto", "bitsandbytes"):
        yield overruled(
            RULE, form, method, "the weights are loaded as bitsandbytes", remedy="take it out"
        )


RULE = Rule("MX243", "bitsandbytes-format", Severity.WARNING, check, until="0.28")
