"""A custom operation is on or off.

vLLM 0.32.0, `config/compilation.py`, `CompilationConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when the list has it with `+` and with `-`."""
    ops = inside(facts, "compilation-config").get("custom_ops")
    if ops is None or not isinstance(ops.value, list):
        return
    named = [op for op in ops.value if isinstance(op, str)]
    for op in dict.fromkeys(named):
        if op.startswith("+") and f"-{op[1:]}" in named:
            yield RULE.finding(
                f"`{ops.name}` switches {op[1:]} on and off", ops.place.value, key=ops.key,
                label=f"keep {op} or -{op[1:]}",
            )  # fmt: skip


RULE = Rule("MX241", "custom-ops-both", Severity.ERROR, check, since="0.27")
