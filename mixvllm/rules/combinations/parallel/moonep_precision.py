"""MoonEP computes in bfloat16.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with another type, and with quantised weights."""
    backend = facts.setting("all2all-backend")
    if backend is None or backend.value != "moonep":
        return
    dtype, method = facts.setting("dtype"), facts.setting("quantization")
    if dtype is not None and dtype.value in ("half", "float16", "float", "float32"):
        yield contradicts(
            RULE, dtype, backend, "moonep computes in bfloat16",
            remedy="write bfloat16, or another all2all-backend",
        )  # fmt: skip
    if method is not None and isinstance(method.value, str) and method.value:
        yield contradicts(
            RULE, method, backend, "moonep takes weights that are not quantised",
            remedy="take another all2all-backend",
        )  # fmt: skip


RULE = Rule("MX241", "moonep-precision", Severity.ERROR, check, since="0.31.0")
