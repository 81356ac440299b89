"""A short option stands for a key of `speculative-config`.

vLLM 0.32.0, `engine/arg_utils.py`, `create_speculative_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.rules.combinations.speculation.asked import SHORT


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when both are set, even to the same."""
    keys = inside(facts, "speculative-config")
    for name, inner in SHORT.items():
        option, key = facts.setting(name), keys.get(inner)
        if option is None or option.value is None or key is None or key.key[-1] != inner:
            continue
        yield contradicts(
            RULE, option, key, "vLLM takes it from one of them only", remedy="keep one of the two"
        )


RULE = Rule("MX241", "speculative-twice", Severity.ERROR, check, since="0.22")
