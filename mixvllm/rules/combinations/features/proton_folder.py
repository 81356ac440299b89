"""The Proton profiler writes into a folder.

vLLM 0.32.0, `config/profiler.py`, `_validate_profiler_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused without one."""
    keys = inside(facts, "profiler-config")
    profiler, folder = keys.get("profiler"), keys.get("proton_profiler_dir")
    if profiler is None or profiler.value != "proton":
        return
    if folder is None or folder.value == "":
        yield needs(
            RULE, profiler, "proton_profiler_dir", "the profiles are written there",
            remedy="add proton_profiler_dir",
        )  # fmt: skip


RULE = Rule("MX240", "proton-folder", Severity.ERROR, check, since="0.28")
