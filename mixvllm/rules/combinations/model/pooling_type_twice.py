"""The short key for a kind of pooling stands for two others.

vLLM 0.32.0, `config/pooler.py`, `PoolerConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused beside either of them."""
    keys = inside(facts, "pooler-config")
    short = keys.get("pooling_type")
    if short is None or not short.value:
        return
    for name in ("seq_pooling_type", "tok_pooling_type"):
        if (key := keys.get(name)) is not None:
            yield contradicts(
                RULE,
                key,
                short,
                "vLLM takes it from one of them only",
                remedy="keep one of the two",
            )


RULE = Rule("MX241", "pooling-type-twice", Severity.ERROR, check, since="0.14")
