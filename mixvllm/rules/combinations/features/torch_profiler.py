"""The torch profiler writes into a folder.

vLLM 0.32.0, `config/profiler.py`, `_validate_profiler_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused without one. Before 0.16 variables could name it."""
    keys = inside(facts, "profiler-config")
    profiler, folder = keys.get("profiler"), keys.get("torch_profiler_dir")
    if profiler is None or profiler.value != "torch":
        return
    if folder is None or folder.value == "":
        yield needs(
            RULE, profiler, "torch_profiler_dir", "the traces are written there",
            remedy="add torch_profiler_dir",
        )  # fmt: skip


RULE = Rule("MX240", "torch-profiler", Severity.ERROR, check, since="0.16")
