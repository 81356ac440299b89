"""MX424: a type of KV cache, or of numbers, that no attention backend takes on a card.

vLLM 0.32.0: `platforms/cuda.py`, get_attn_backend_cls; each backend's `validate_configuration` and
the constructor of its layers.
"""

from collections.abc import Iterator
from dataclasses import replace

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.attention import Attention, attention, named_backend, none_works
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.capability import Card, abilities_of, asked_dtype, deciding
from mixvllm.vllm.capabilities import Capabilities


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM tries its attention backends one after the other. None is left here, or the one that is
    chosen refuses the cache when the model's layers are made.
    """
    card, able, asked = deciding(facts), abilities_of(facts), attention(facts)
    if card is None or able is None or asked is None or named_backend(facts) is not None:
        return  # a backend that is named is MX425's
    if not _none_is_left(able, card, asked):
        return
    kv, dtype = facts.setting("kv-cache-dtype"), asked_dtype(facts)
    if dtype is not None and _none_is_left(able, card, replace(asked, kv="auto")):
        setting, what = dtype[0], f"computes in {dtype[1]}"
    elif kv is not None and asked.kv != "auto":
        setting, what = kv, f"reads a KV cache of type {asked.kv}"
    else:
        return  # the model itself, of which too little is known to say why
    yield RULE.finding(
        f"no attention backend of vLLM {facts.options.release} {what} on {card.with_number}",
        setting.place.value, key=setting.key, label="take it out: auto is the model's own type",
        related=card.related,
    )  # fmt: skip


def _none_is_left(able: Capabilities, card: Card, asked: Attention) -> bool:
    for mla in (True, False) if asked.mla is None else (asked.mla,):
        tried = able.tried(card.capability, mla=mla)
        if tried is None or not none_works(tried, asked):
            return False
    return True


RULE = Rule("MX424", "card-kv-cache", Severity.ERROR, check)
