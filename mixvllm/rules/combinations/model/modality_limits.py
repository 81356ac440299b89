"""Limits of images, videos and sounds are counts.

vLLM 0.32.0, `config/multimodal.py`, `MultiModalConfig._validate_limit_per_prompt` and the classes
of options that it fills.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule, shown
from mixvllm.rules.combinations.inside import keys_of
from mixvllm.settings.engine import EngineSetting
from mixvllm.settings.layers import Value
from mixvllm.settings.typed import json_of_vllm

# Those of another modality are not checked.
_OPTIONS: Final = {
    "image": ("count", "width", "height"),
    "video": ("count", "num_frames", "width", "height"),
    "audio": ("count", "length"),
}


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused: a list, a limit that is no whole number, one below 0, and an option that the
    modality does not have.
    """
    limits = facts.setting("limit-mm-per-prompt")
    if limits is None:
        return
    if isinstance(_read(limits.value), list):
        yield RULE.finding(
            f"`{limits.name}` takes a limit for each modality, not a list",
            limits.place.value, key=limits.key, label="write e.g. {image: 2, video: 1}",
        )  # fmt: skip
    for limit in keys_of(facts, limits).values():
        why = _fault(str(limit.key[-1]), limit.value)
        if why:
            yield _finding(limit, why)


def _read(value: Value) -> Value:
    """What is written, or what the JSON in it says; None where that is none (MX221)."""
    try:
        return json_of_vllm(value) if isinstance(value, str) else value
    except ValueError:
        return None


def _fault(modality: str, limit: Value) -> str:
    """Why vLLM refuses a limit; "" when it does not. True and false are 1 and 0."""
    if isinstance(limit, Mapping):
        known = _OPTIONS.get(modality)
        unknown = next((name for name in limit if known and name not in known), None)
        if known and unknown is not None:
            return f"has no `{unknown}`, only {', '.join(known)}"
        count = limit.get("count", 0)
        return f"has a count of {count}" if isinstance(count, int) and count < 0 else ""
    if not isinstance(limit, int):
        return f"is {shown(limit)}"
    return f"is {limit}" if limit < 0 else ""


def _finding(limit: EngineSetting, why: str) -> Diagnostic:
    return RULE.finding(
        f"`{limit.name}` {why}", limit.place.value, key=limit.key,
        label="a whole number, 0 or more" if "has no" not in why else "",
    )  # fmt: skip


RULE = Rule("MX242", "modality-limits", Severity.ERROR, check)
