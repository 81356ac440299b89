"""MX425: an attention backend that does not work on a card, or not for this model.

vLLM 0.32.0: `platforms/cuda.py`, get_attn_backend_cls; each backend's `validate_configuration` and
the constructor of its layers.
"""

from collections.abc import Iterator
from itertools import chain

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.attention import Attention, attention, named_backend, refusals
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.capability import Card, abilities_of, deciding
from mixvllm.vllm.capabilities import Backend, Capabilities


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A backend that is named is the only one that is tried; vLLM ends when the layers are made."""
    card, able, asked = deciding(facts), abilities_of(facts), attention(facts)
    named = named_backend(facts)
    if card is None or able is None or asked is None or named is None:
        return
    backend = able.backend(named.name, card.capability)
    if backend is None:
        return  # `auto`, a plugin's, one of other hardware, or a name that MX225 speaks of
    why = list(refusals(backend, asked))
    if not why and backend.makes_layers(asked.kv) is False:
        why = [f"it reads no KV cache of type {asked.kv} on this card"]
    if why:
        yield RULE.finding(
            f"{backend.name} cannot be used on {card.with_number}: {', '.join(why)}",
            named.origin, key=named.key, label="take it out: vLLM chooses one that works",
            hint=_others(able, card, asked), related=card.related,
        )  # fmt: skip


def _others(able: Capabilities, card: Card, asked: Attention) -> str:
    """The backends that may work instead."""
    kinds = (True, False) if asked.mla is None else (asked.mla,)
    tried = chain.from_iterable(able.tried(card.capability, mla=mla) or () for mla in kinds)
    names = [backend.name for backend in tried if _may_work(backend, asked)]
    return f"on this card: {', '.join(names)}" if names else ""


def _may_work(backend: Backend, asked: Attention) -> bool:
    if backend.takes_card() is not True or backend.makes_layers(asked.kv) is False:
        return False
    return not any(True for _ in refusals(backend, asked))


RULE = Rule("MX425", "card-attention-backend", Severity.ERROR, check)
