"""MX435: a card's UUID for a release of vLLM that reads numbers only."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.cards import found, selected


def check(facts: Facts) -> Iterator[Diagnostic]:
    """CUDA reads UUIDs, and vLLM reads CUDA's variable, too: as numbers before 0.24.0
    (`int(physical_device_id)` in vllm/platforms/interface.py, 0.23.0), which ends the start.
    """
    for entry in selected(facts):
        if entry.name.startswith(("GPU-", "MIG-")):
            gpu = None if facts.inventory is None else found(entry.name, facts.inventory)
            yield RULE.finding(
                f"vLLM {facts.options.release} cannot read the UUID {entry.name}", entry.origin,
                key=entry.key, label="write an index" if gpu is None else f"write {gpu.index}",
                hint="vLLM reads UUIDs from 0.24.0 on; `mixvllm gpus` lists the indices",
            )  # fmt: skip


RULE = Rule("MX435", "uuid-not-read", Severity.ERROR, check, until="0.24.0")
