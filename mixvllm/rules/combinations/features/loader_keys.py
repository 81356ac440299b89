"""Which keys the default loader takes.

vLLM 0.32.0, `model_executor/model_loader/default_loader.py`, `DefaultModelLoader.__init__`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside

_FORMATS: Final = (
    "auto", "hf", "safetensors", "fastsafetensors", "instanttensor", "mistral", "npcache", "pt",
)  # fmt: skip
_KEYS: Final = ("enable_multithread_load", "num_threads", "enable_weights_track")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with any other. A model in an object store has a loader of its own."""
    form = facts.setting("load-format")
    name = "auto" if form is None or form.value is None else form.value
    if not isinstance(name, str) or name.lower() not in _FORMATS:
        return
    if name.lower() == "auto" and "://" in str(facts.resolved.value("model", "name")):
        return
    for key in inside(facts, "model-loader-extra-config").values():
        if key.key[-1] not in _KEYS:
            yield RULE.finding(
                f"`{key.name}` contradicts `load-format` {name}:"
                f" its loader takes {', '.join(_KEYS)}",
                key.place.key, key=key.key, label="another loader's key",
            )  # fmt: skip


RULE = Rule("MX241", "loader-keys", Severity.ERROR, check, since="0.28")
