"""Without compilation there are no CUDA graphs.

vLLM 0.32.0, `config/vllm.py`, `__post_init__`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import overruled

_OPTIONS: Final = ("cudagraph-capture-sizes", "max-cudagraph-capture-size")
_KEYS: Final = ("cudagraph_mode", "cudagraph_capture_sizes", "max_cudagraph_capture_size")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Everything that is said of CUDA graphs is passed over."""
    eager = facts.switched_on("enforce-eager")
    if eager is None:
        return
    keys = inside(facts, "compilation-config")
    found = [facts.setting(name) for name in _OPTIONS] + [keys.get(name) for name in _KEYS]
    for setting in found:
        if (
            setting is None
            or setting.value in (None, 0, [])
            or str(setting.value).upper() == "NONE"
        ):
            continue
        yield overruled(
            RULE, setting, eager, "there are no CUDA graphs", remedy="take one of the two out"
        )


RULE = Rule("MX243", "eager-graphs", Severity.WARNING, check)
