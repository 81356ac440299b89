"""MX701: a quantisation that the checkpoint does not seem to have."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.settings.paths import is_local_path

# Methods that read weights stored in their own format; fp8 and a few others can also quantise
# a plain checkpoint while loading it (vLLM 0.32.0, `model_executor/layers/quantization`).
_STORED = {"awq": "awq", "awq_marlin": "awq", "gptq": "gptq", "gptq_marlin": "gptq"}


def check(facts: Facts) -> Iterator[Diagnostic]:
    """AWQ and GPTQ are made once and stored: vLLM cannot apply them to plain weights. It finds
    out when it reads the model's configuration.
    """
    setting = facts.setting("quantization")
    model = facts.resolved.value("model", "name")
    if setting is None or not isinstance(setting.value, str) or not isinstance(model, str):
        return
    if facts.checkpoint is not None:
        return  # it says itself what it is (MX702, MX703)
    family = _STORED.get(setting.value)
    if family is None or family in model.lower() or is_local_path(model):
        return
    kind = {"awq": "an AWQ", "gptq": "a GPTQ"}[family]
    yield RULE.finding(
        f"quantization {setting.value} needs {family.upper()} weights;"
        f" {model} does not look like {kind} checkpoint",
        setting.place.value,
        key=setting.key,
        label=f"name a checkpoint that was made with {family.upper()}, or take this out",
    )


RULE = Rule("MX701", "quantization-name", Severity.WARNING, check)
