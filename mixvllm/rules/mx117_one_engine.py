"""MX117: more engines, or machines, than this version serves."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule


def check(facts: Facts) -> Iterator[Diagnostic]:
    """`serve` refuses such a profile, so it is said where profiles are checked."""
    replicas, nodes = facts.resolved.value("replicas"), facts.resolved.value("nodes")
    for key, asked in (
        ("replicas", isinstance(replicas, int) and replicas > 1),
        ("nodes", isinstance(nodes, list) and bool(nodes)),
    ):
        if asked:
            yield RULE.finding(
                f"`{key}`: this version of mixvllm serves one engine on one machine",
                facts.place((key,)).key, key=(key,), label="`serve` will refuse it",
                hint="for copies of the model in one engine see inference.data_parallel_size",
            )  # fmt: skip


RULE = Rule("MX117", "one-engine", Severity.WARNING, check)
