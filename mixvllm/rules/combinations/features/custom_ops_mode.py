"""Custom operations are all on or all off, to begin with.

vLLM 0.32.0, `config/compilation.py`, `CompilationConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with both."""
    ops = inside(facts, "compilation-config").get("custom_ops")
    if ops is None or not isinstance(ops.value, list):
        return
    if sum(op in ("all", "none") for op in ops.value) > 1:
        yield RULE.finding(
            f"`{ops.name}` says `all` or `none` more than once", ops.place.value, key=ops.key,
            label="keep one of them",
        )  # fmt: skip


RULE = Rule("MX241", "custom-ops-mode", Severity.ERROR, check, since="0.27")
