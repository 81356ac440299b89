"""MX407: every card is hidden from the engine."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.gpu.device_names import taken
from mixvllm.rules.base import Facts, Rule


def check(facts: Facts) -> Iterator[Diagnostic]:
    """CUDA_VISIBLE_DEVICES hides all cards where it is empty, begins with what names no card (-1),
    or names one twice: vLLM would find no device. Not said of the CPU build, nor where
    ``gpus.select`` sets the variable.
    """
    shown = facts.variable("CUDA_VISIBLE_DEVICES")
    if shown is None or taken(shown[0]):
        return
    if facts.distribution != "vllm" or facts.resolved.value("gpus", "select") not in (None, "auto"):
        return
    text, origin, key = shown
    is_what = text.strip() or "empty"
    yield RULE.finding(
        f"CUDA_VISIBLE_DEVICES is {is_what}: the engine would see no GPU", origin, key=key,
        hint="unset it, or name cards in gpus.select",
    )  # fmt: skip


RULE = Rule("MX407", "hidden-cards", Severity.WARNING, check)
