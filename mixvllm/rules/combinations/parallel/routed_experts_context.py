"""The experts of an answer are not told where its context is split.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig._verify_aux_output_compatibility`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with context parallelism of either kind."""
    switch = facts.switched_on("enable-return-routed-experts")
    if switch is None:
        return
    for name in ("decode-context-parallel-size", "prefill-context-parallel-size"):
        size = facts.setting(name)
        number = counted(size)
        if size is not None and number is not None and number > 1:
            yield contradicts(
                RULE, switch, size, "it needs the whole context on one rank",
                remedy="take one of the two out",
            )  # fmt: skip


RULE = Rule("MX241", "routed-experts-context", Severity.ERROR, check, since="0.28.0")
