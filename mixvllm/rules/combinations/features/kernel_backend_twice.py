"""A backend of `kernel-config` and its option.

vLLM 0.32.0, `engine/arg_utils.py`, `create_engine_config`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import overruled

_BACKENDS: Final = ("moe_backend", "linear_backend", "sparse_indexer_topk_backend")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The option wins, unless it is `auto`."""
    keys = inside(facts, "kernel-config")
    for name in _BACKENDS:
        option, key = facts.setting(name.replace("_", "-")), keys.get(name)
        if option is None or key is None or option.value == key.value:
            continue
        if isinstance(option.value, str) and isinstance(key.value, str) and option.value != "auto":
            yield overruled(
                RULE,
                key,
                option,
                f"the backend will be {option.value}",
                remedy="keep one of the two",
            )


RULE = Rule("MX243", "kernel-backend-twice", Severity.WARNING, check, since="0.17")
