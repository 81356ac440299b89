"""JSON without blanks needs a backend that can write it.

vLLM 0.32.0, `config/structured_outputs.py`, `_validate_structured_output_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with every other backend, `auto` (the default) too."""
    keys = inside(facts, "structured-outputs-config")
    switch, backend = keys.get("disable_any_whitespace"), keys.get("backend")
    if switch is None or switch.value is not True:
        return
    if backend is None or backend.value not in ("xgrammar", "guidance"):
        yield needs(
            RULE, switch, "backend", "only xgrammar and guidance write JSON without blanks",
            remedy="add `backend: xgrammar`, or guidance",
        )  # fmt: skip


RULE = Rule("MX240", "compact-json", Severity.ERROR, check)
