"""Stochastic rounding is for states of 16 bits.

vLLM 0.32.0, `config/vllm.py`, `__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused unless the type of the state is float16, in so many words."""
    setting = facts.switched_on("enable-mamba-cache-stochastic-rounding")
    if setting is not None and facts.value_of("mamba-ssm-cache-dtype") != "float16":
        yield needs(
            RULE, setting, "mamba-ssm-cache-dtype", "float16 states are rounded, no others",
            remedy="set mamba-ssm-cache-dtype to float16",
        )  # fmt: skip


RULE = Rule("MX240", "mamba-rounding", Severity.ERROR, check, since="0.20")
