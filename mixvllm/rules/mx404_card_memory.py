"""MX404: more memory asked than a card has."""

from collections.abc import Iterator
from dataclasses import dataclass

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.core.origin import KeyPath, Origin
from mixvllm.core.units import show_size
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.cards import in_use
from mixvllm.vllm.quantity import human_integer


@dataclass(frozen=True, slots=True)
class _Wish:
    """Bytes of memory that each card must have, and who asks."""

    what: str
    size: int
    key: KeyPath
    origin: Origin


def check(facts: Facts) -> Iterator[Diagnostic]:
    """No start can succeed on such a card. A card that did not tell its memory is not judged."""
    smallest = min(
        ((gpu, entry) for gpu, entry in in_use(facts) if gpu.memory.total_bytes is not None),
        key=lambda pair: pair[0].memory.total_bytes or 0,
        default=None,
    )
    if smallest is None:
        return
    gpu, entry = smallest
    has = gpu.memory.total_bytes or 0
    for wish in _wishes(facts):
        if wish.size > has:
            place = facts.place(("gpus", "select")).value
            yield RULE.finding(
                f"{wish.what} asks for {_round(wish.size)}, and GPU {gpu.index} of"
                f" {facts.host} has {_round(has)}",
                wish.origin, key=wish.key, label=f"at most {_round(has)}",
                related=(Related(place, f"GPU {gpu.index}"),) if entry is not None else (),
            )  # fmt: skip


def _round(size: int) -> str:
    """As cards are sold: ``24 GiB``."""
    return show_size(size).replace(".0 ", " ")


def _wishes(facts: Facts) -> Iterator[_Wish]:
    free = _bytes_of_setting(facts)
    if free is not None:
        key: KeyPath = ("gpus", "min_free_memory")
        yield _Wish("gpus.min_free_memory", free, key, facts.place(key).value)
    kv = facts.setting("kv-cache-memory-bytes")
    if kv is not None and kv.option is not None and not isinstance(kv.value, bool):
        try:
            size = human_integer(str(kv.value), kv.option.suffixes)
        except ValueError:  # has its own finding
            return
        yield _Wish(kv.name, size, kv.key, kv.place.value)


def _bytes_of_setting(facts: Facts) -> int | None:
    try:
        value = facts.resolved.setting("gpus", "min_free_memory")
    except ValueError:  # not a size: has its own finding
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


RULE = Rule("MX404", "card-memory", Severity.ERROR, check)
