"""Where images are prepared.

vLLM 0.32.0, `config/multimodal.py`, `MultiModalConfig.fold_mm_processor_device`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule, shown
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import overruled


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A device in `mm-processor-kwargs` wins."""
    option = facts.setting("mm-processor-device")
    key = inside(facts, "mm-processor-kwargs").get("device")
    if option is None or key is None or option.value in (None, "auto", key.value):
        return
    yield overruled(
        RULE, option, key, f"the device will be {shown(key.value)}", remedy="keep one of the two"
    )


RULE = Rule("MX243", "processor-device-twice", Severity.WARNING, check, since="0.28")
