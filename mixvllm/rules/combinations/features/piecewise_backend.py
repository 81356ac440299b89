"""vLLM's own compilation knows two backends.

vLLM 0.32.0, `config/compilation.py`, `CompilationConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with every other one."""
    keys = inside(facts, "compilation-config")
    mode, backend = keys.get("mode"), keys.get("backend")
    if mode is None or backend is None or not isinstance(backend.value, str):
        return
    if str(mode.value).upper() in ("3", "VLLM_COMPILE") and backend.value not in (
        "", "eager", "inductor",
    ):  # fmt: skip
        yield contradicts(
            RULE, backend, mode, "vLLM compiles pieces with eager or inductor only",
            remedy="write eager or inductor",
        )  # fmt: skip


RULE = Rule("MX241", "piecewise-backend", Severity.ERROR, check)
