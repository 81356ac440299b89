"""What a profile asks of speculative decoding: the JSON option, and three short options.

The model itself may be a checkpoint in the format of `speculators`, which brings a method and a
draft of its own (vLLM 0.32.0, `transformers_utils/config.py`, `maybe_override_with_speculators`).
A profile does not say so; the names of such models do, as a rule.
"""

from collections.abc import Mapping
from typing import Final

from mixvllm.rules.base import Facts
from mixvllm.rules.combinations.inside import inside
from mixvllm.settings.engine import EngineSetting

SHORT: Final = {
    "spec-method": "method",
    "spec-model": "model",
    "spec-tokens": "num_speculative_tokens",
}
# Methods whose draft is a model of its own.
DRAFT_MODELS: Final = ("draft_model", "eagle", "eagle3", "mtp", "dflash", "dspark")


def asked(facts: Facts) -> Mapping[str, EngineSetting]:
    """The keys of `speculative-config` that are set, by this option or by a short one."""
    found = dict(inside(facts, "speculative-config"))
    for option, key in SHORT.items():
        setting = facts.setting(option)
        if setting is not None and setting.value is not None:
            found.setdefault(key, setting)
    return found


def method_of(keys: Mapping[str, EngineSetting]) -> str | None:
    """The method, as vLLM calls it; None when it follows from the draft model."""
    method, model = keys.get("method"), keys.get("model")
    if method is None:
        return "ngram" if model is not None and model.value in ("ngram", "[ngram]") else None
    if not isinstance(method.value, str):
        return None
    name = method.value.strip("[]")
    return "mtp" if name.endswith("_mtp") else name


def brings_its_own(facts: Facts) -> bool:
    """Whether the model looks like a checkpoint with a method and a draft of its own."""
    return "speculator" in str(facts.resolved.value("model", "name")).lower()
