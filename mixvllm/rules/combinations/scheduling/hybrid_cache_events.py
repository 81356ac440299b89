"""Caches of several sizes, and events of one.

vLLM 0.19.1, `config/vllm.py`, `VllmConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when the manager of several sizes is asked for by name."""
    wanted = facts.switched_off("disable-hybrid-kv-cache-manager")
    events = facts.setting("kv-events-config")
    if wanted is not None and events is not None and events.value is not None:
        yield contradicts(
            RULE, wanted, events, "the hybrid manager tells of no events",
            remedy="take it out; vLLM then chooses the manager",
        )  # fmt: skip


RULE = Rule("MX241", "hybrid-cache-events", Severity.ERROR, check, since="0.13.0", until="0.20.2")
