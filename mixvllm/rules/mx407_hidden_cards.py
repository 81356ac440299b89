"""MX407: every card is hidden from the engine."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule


def check(facts: Facts) -> Iterator[Diagnostic]:
    """An empty CUDA_VISIBLE_DEVICES, or -1, hides all cards: vLLM would find no device. Not said
    of the CPU build, nor where ``gpus.select`` sets the variable.
    """
    shown = facts.variable("CUDA_VISIBLE_DEVICES")
    if shown is None or shown[0].strip() not in ("", "-1"):
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
