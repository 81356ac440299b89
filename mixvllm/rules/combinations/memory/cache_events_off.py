"""A way to publish events that are off.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import idle


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Events are off by default. vLLM warns in its log."""
    keys = inside(facts, "kv-events-config")
    publisher, events = keys.get("publisher"), keys.get("enable_kv_cache_events")
    if publisher is None or publisher.value != "zmq":
        return
    if events is None or events.value is False:
        yield idle(
            RULE, publisher, "kv-events-config.enable_kv_cache_events", "there are no events",
            remedy="set enable_kv_cache_events to true, or take this out",
        )  # fmt: skip


RULE = Rule("MX243", "cache-events-off", Severity.WARNING, check)
