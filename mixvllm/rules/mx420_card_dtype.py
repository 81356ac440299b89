"""MX420: a data type that a card does not compute in.

vLLM 0.32.0, `platforms/cuda.py`, check_if_supports_dtype.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.capability import abilities_of, asked_dtype, deciding
from mixvllm.rules.model_files import models_of, written_config


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Each worker looks at its card and ends. With `auto` vLLM takes another type by itself."""
    card, asked, able = deciding(facts), asked_dtype(facts), abilities_of(facts)
    if card is None or asked is None or able is None:
        return
    setting, dtype = asked
    if able.computes_in(dtype, card.capability) is not False:
        return
    config, models = written_config(facts), models_of(facts)
    overflows = (
        config is not None and models is not None and models.refuses_float16(config.model_type)
    )
    instead = "float32" if overflows else "float16"
    yield RULE.finding(
        f"{dtype} needs compute capability 8.0, and {card} has {card.has}",
        setting.place.value, key=setting.key, label=f"use {instead}", related=card.related,
        fix=instead, safe=config is not None,
    )  # fmt: skip


RULE = Rule("MX420", "card-dtype", Severity.ERROR, check)
