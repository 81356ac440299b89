"""Activities are recorded by the torch profiler.

vLLM 0.32.0, `config/profiler.py`, `_validate_profiler_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with another profiler, or with none."""
    keys = inside(facts, "profiler-config")
    activities, profiler = keys.get("torch_profiler_activities"), keys.get("profiler")
    if activities is None or not isinstance(activities.value, list):
        return
    if profiler is None or profiler.value != "torch":
        yield needs(
            RULE, activities, "profiler", "the profiler of torch records activities",
            remedy="add `profiler: torch`",
        )  # fmt: skip


RULE = Rule("MX240", "profiler-activities", Severity.ERROR, check, since="0.31")
