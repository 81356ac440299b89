"""MX716: a LoRA adapter that vLLM will not take.

vLLM 0.32.0, `lora/peft_helper.py`, validate_legal; adapters of `lora-modules` are loaded before
the API answers.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import number
from mixvllm.vllm.checkpoint.adapter import Adapter

_RANK: Final = 16  # vLLM's own default of max-lora-rank, in every known release


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Room for adapters is set aside at the start, for matrices of a rank; a larger one does not
    fit, and an adapter that does more than add such matrices cannot be applied.
    """
    setting = facts.setting("lora-modules")
    if setting is None:
        return
    room = number(facts.setting("max-lora-rank")) or _RANK
    for at, adapter in facts.adapters:
        place = facts.resolved.places.get(at, setting.place)
        for message, label in _faults(adapter, room):
            yield RULE.finding(message, place.value, key=at, label=label)


def _faults(adapter: Adapter, room: int) -> Iterator[tuple[str, str]]:
    where = f"the adapter in {adapter.folder}"
    if not adapter.file.there:
        yield f"{adapter.folder} holds no adapter_config.json: it is no adapter's folder", ""
    elif adapter.file.fault:
        yield f"{adapter.folder}/adapter_config.json {adapter.file.fault}", ""
    elif adapter.unsupported:
        yield f"{where} {adapter.unsupported}", "merge it into the model, and serve that"
    elif adapter.rank is not None and adapter.rank > room:
        yield (
            f"{where} has rank {adapter.rank}, more than max-lora-rank {room}",
            f"set vllm.args.max-lora-rank: {_next(adapter.rank)}",
        )


def _next(rank: int) -> int:
    """The smallest rank that vLLM takes and that is large enough."""
    return next((n for n in (8, 16, 32, 64, 128, 256, 320, 512) if n >= rank), rank)


RULE = Rule("MX716", "adapter", Severity.ERROR, check)
