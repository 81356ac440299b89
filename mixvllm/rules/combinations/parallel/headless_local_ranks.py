"""A headless process without an engine.

vLLM 0.32.0, `entrypoints/cli/serve.py`, `run_headless`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.rules.combinations.parallel.ranks import external


def check(facts: Facts) -> Iterator[Diagnostic]:
    """It would have nothing to do."""
    headless, local = facts.switched_on("headless"), facts.setting("data-parallel-size-local")
    if headless is None or local is None or external(facts):
        return
    if counted(local) == 0:
        yield contradicts(
            RULE, local, headless, "a headless process holds engines and nothing else",
            remedy="set it to 1 or more",
        )  # fmt: skip


RULE = Rule("MX241", "headless-local-ranks", Severity.ERROR, check)
