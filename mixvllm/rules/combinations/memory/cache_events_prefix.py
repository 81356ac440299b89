"""Events of a prefix cache that is off.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import overruled


def check(facts: Facts) -> Iterator[Diagnostic]:
    """No block is ever kept, so there is nothing to tell. vLLM warns in its log."""
    events = inside(facts, "kv-events-config").get("enable_kv_cache_events")
    cache = facts.switched_off("enable-prefix-caching")
    if events is not None and cache is not None and events.value is True:
        yield overruled(
            RULE, events, cache, "no block is kept, so there is nothing to tell",
            remedy="leave enable-prefix-caching on, or take this out",
        )  # fmt: skip


RULE = Rule("MX243", "cache-events-prefix", Severity.WARNING, check)
