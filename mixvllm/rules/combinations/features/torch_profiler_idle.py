"""Some keys belong to the torch profiler.

vLLM 0.32.0, `config/profiler.py`, `_validate_profiler_config`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import needs
from mixvllm.settings.layers import Value

_ASKS: Final[Mapping[str, Value]] = {"torch_profiler_dir": "", "capture_torch_profiler": False}


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with another profiler, or with none."""
    keys = inside(facts, "profiler-config")
    profiler = keys.get("profiler")
    if profiler is not None and profiler.value == "torch":
        return
    for name, silent in _ASKS.items():
        key = keys.get(name)
        if key is not None and isinstance(key.value, type(silent)) and key.value != silent:
            yield needs(
                RULE, key, "profiler", "it belongs to the profiler of torch",
                remedy="add `profiler: torch`",
            )  # fmt: skip


RULE = Rule("MX240", "torch-profiler-idle", Severity.ERROR, check, since="0.16")
