"""Many threads read lazily.

vLLM 0.32.0, `model_executor/model_loader/default_loader.py`, `DefaultModelLoader.__init__`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts

_FORMATS: Final = (
    "auto", "hf", "safetensors", "fastsafetensors", "instanttensor", "mistral", "npcache", "pt",
)  # fmt: skip


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with every other strategy."""
    strategy, form = facts.setting("safetensors-load-strategy"), facts.setting("load-format")
    threads = inside(facts, "model-loader-extra-config").get("enable_multithread_load")
    if strategy is None or threads is None or threads.value is not True:
        return
    name = "auto" if form is None or form.value is None else form.value
    if not isinstance(name, str) or name.lower() not in _FORMATS:
        return
    if name.lower() == "auto" and "://" in str(facts.resolved.value("model", "name")):
        return
    if strategy.value in ("eager", "prefetch", "torchao"):
        yield contradicts(
            RULE, strategy, threads, "the loader with threads has the lazy strategy only",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "multithread-strategy", Severity.ERROR, check, since="0.28")
