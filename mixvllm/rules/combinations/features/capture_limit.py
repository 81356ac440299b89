"""The largest CUDA graph is the largest of the sizes.

vLLM 0.32.0, `config/vllm.py`, `_set_cudagraph_sizes`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import whole
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import misfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused where CUDA graphs are used, so not on CPUs.

    A limit that is one of the sizes is not spoken of: the larger ones are cut when a batch
    cannot be that large.
    """
    if facts.switched_on("enforce-eager") is not None:
        return
    keys = inside(facts, "compilation-config")
    mode = keys.get("cudagraph_mode")
    if mode is not None and str(mode.value).upper() in ("NONE", "0"):
        return
    sizes = facts.setting("cudagraph-capture-sizes") or keys.get("cudagraph_capture_sizes")
    limit = facts.setting("max-cudagraph-capture-size") or keys.get("max_cudagraph_capture_size")
    if sizes is None or limit is None or not isinstance(sizes.value, list):
        return
    given, largest = [i for i in sizes.value if isinstance(i, int)], whole(limit)
    if largest and given and len(given) == len(sizes.value) and largest not in given:
        yield misfit(
            RULE, limit, sizes, f"the largest of the sizes is {max(given)}",
            remedy="take this out: the sizes say it",
        )  # fmt: skip


RULE = Rule("MX242", "capture-limit", Severity.WARNING, check)
