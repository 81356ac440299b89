"""A kind of cache, and no cache.

vLLM 0.32.0, `multimodal/cache/factories.py`, `_get_cache_type`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import overruled


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Passed over when the cache has no room."""
    kind, room = facts.setting("mm-processor-cache-type"), facts.setting("mm-processor-cache-gb")
    if kind is None or not isinstance(kind.value, str) or room is None or room.value != 0:
        return
    yield overruled(
        RULE, kind, room, "a cache without room is none", remedy="take one of the two out"
    )


RULE = Rule("MX243", "processor-cache-off", Severity.WARNING, check)
