"""A format of the Proton profiler holds one kind of data.

vLLM 0.32.0, `config/profiler.py`, `_validate_profiler_config`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts

_HOLDS: Final = {"chrome_trace": "trace", "hatchet": "tree", "hatchet_msgpack": "tree"}


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when the data is of the other kind; without `proton_data` it is a tree."""
    keys = inside(facts, "profiler-config")
    profiler, form = keys.get("profiler"), keys.get("proton_output_format")
    if profiler is None or profiler.value != "proton" or form is None:
        return
    data = keys.get("proton_data")
    kind = "tree" if data is None else data.value
    wanted = _HOLDS.get(form.value) if isinstance(form.value, str) else None
    if wanted is not None and kind in ("tree", "trace") and kind != wanted:
        yield contradicts(
            RULE, form, data or profiler, f"{form.value} holds a {wanted}, the data is a {kind}",
            remedy=f"set proton_data to {wanted}",
        )  # fmt: skip


RULE = Rule("MX241", "proton-format", Severity.ERROR, check, since="0.28")
