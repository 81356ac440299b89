"""MX404: more memory asked than a card has."""

from collections.abc import Iterator
from dataclasses import dataclass

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.core.origin import KeyPath, Origin
from mixvllm.core.units import show_size
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.cards import in_use
from mixvllm.rules.wanted import wish
from mixvllm.vllm.quantity import human_integer


@dataclass(frozen=True, slots=True)
class _Wish:
    """Bytes of memory that each card must have, and who asks."""

    what: str
    size: int
    key: KeyPath
    origin: Origin


def check(facts: Facts) -> Iterator[Diagnostic]:
    """No start can succeed on such a card. A card that did not tell its memory is not judged; of
    those that are chosen from, the largest count, as many as the engine needs.
    """
    known = [pair for pair in in_use(facts) if pair[0].memory.total_bytes is not None]
    known.sort(key=lambda pair: pair[0].memory.total_bytes or 0, reverse=True)
    wanted = wish(facts)
    is_chosen = bool(known) and known[0][1] is None
    count = wanted.cards if wanted is not None and is_chosen else len(known)
    if not 0 < count <= len(known):
        return
    gpu, entry = known[count - 1]
    has = gpu.memory.total_bytes or 0
    for asked in _wishes(facts):
        if asked.size > has:
            place = facts.place(("gpus", "select")).value
            yield RULE.finding(
                f"{asked.what} asks for {_round(asked.size)}, and GPU {gpu.index} of"
                f" {facts.host} has {_round(has)}",
                asked.origin, key=asked.key, label=f"at most {_round(has)}",
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
