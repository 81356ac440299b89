"""The priority of an operation is given once.

vLLM 0.32.0, `engine/arg_utils.py`, `create_engine_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside, keys_of
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when the option and `kernel-config` both give one."""
    given = inside(facts, "ir-op-priority")
    config = inside(facts, "kernel-config").get("ir_op_priority")
    again = {} if config is None else keys_of(facts, config)
    for name, key in given.items():
        other = again.get(name)
        if other is not None and key.value and other.value:
            yield contradicts(
                RULE, other, key, "vLLM takes the priority from one of them only",
                remedy="keep one of the two",
            )  # fmt: skip


RULE = Rule("MX241", "op-priority-twice", Severity.ERROR, check, since="0.20")
