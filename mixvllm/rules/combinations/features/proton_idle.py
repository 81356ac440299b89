"""The keys that begin with `proton_` belong to the Proton profiler.

vLLM 0.32.0, `config/profiler.py`, `_validate_profiler_config`.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import needs
from mixvllm.settings.layers import Value
from mixvllm.vllm.lax import boolean_of

_DEFAULTS: Final[Mapping[str, Value]] = {
    "proton_profiler_dir": "", "proton_context": "shadow", "proton_data": "tree",
    "proton_graph_attribution": False,
}  # fmt: skip


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with another profiler, or with none, unless they have their defaults."""
    keys = inside(facts, "profiler-config")
    profiler = keys.get("profiler")
    if profiler is not None and profiler.value == "proton":
        return
    for name, key in keys.items():
        if name.startswith("proton_") and not _is_default(name, key.value):
            yield needs(
                RULE, key, "profiler", "it belongs to the Proton profiler",
                remedy="add `profiler: proton`",
            )  # fmt: skip


def _is_default(name: str, value: Value) -> bool:
    default = _DEFAULTS.get(name)
    return value == default or (isinstance(default, bool) and boolean_of(value) is default)


RULE = Rule("MX240", "proton-idle", Severity.ERROR, check, since="0.28")
