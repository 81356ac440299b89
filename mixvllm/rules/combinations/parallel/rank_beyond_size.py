"""A data-parallel rank that is not among the ranks.

vLLM 0.32.0, `config/parallel.py`, `ParallelConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count, counted
from mixvllm.rules.combinations.pairs import misfit
from mixvllm.rules.combinations.parallel.ranks import external, on_one_machine
from mixvllm.settings.engine import EngineSetting


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Ranks are numbered from 0, so the highest is one below their number."""
    size, ranks = facts.setting("data-parallel-size"), count(facts, "data-parallel-size")
    if size is None or ranks is None or ranks < 2:
        return
    for setting in _ranks(facts):
        rank = counted(setting)
        if setting is not None and rank is not None and rank >= ranks:
            yield misfit(
                RULE, setting, size, f"{ranks} ranks are numbered 0 to {ranks - 1}",
                remedy=f"at most {ranks - 1}",
            )  # fmt: skip


def _ranks(facts: Facts) -> Iterator[EngineSetting | None]:
    """The settings that are taken as the rank of this process, or of its first engine."""
    inferred = facts.switched_on("data-parallel-external-lb") and not on_one_machine(facts)
    if not inferred:
        yield facts.setting("data-parallel-rank")
    if external(facts) or facts.switched_on("data-parallel-multi-port-external-lb"):
        return
    if facts.setting("data-parallel-size-local"):
        yield facts.setting("data-parallel-start-rank")


RULE = Rule("MX242", "rank-beyond-size", Severity.ERROR, check)
