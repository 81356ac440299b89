"""Only one way of balancing load over data-parallel ranks.

vLLM 0.32.0, `engine/arg_utils.py`, `create_engine_config`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts

_WAYS: Final = (
    "data-parallel-external-lb",
    "data-parallel-hybrid-lb",
    "data-parallel-multi-port-external-lb",
)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when two are switched on."""
    chosen = [setting for name in _WAYS if (setting := facts.switched_on(name))]
    for other in chosen[1:]:
        yield contradicts(
            RULE, other, chosen[0], "only one way of load balancing can be chosen",
            remedy="keep one of them",
        )  # fmt: skip


RULE = Rule("MX241", "one-load-balancer", Severity.ERROR, check)
