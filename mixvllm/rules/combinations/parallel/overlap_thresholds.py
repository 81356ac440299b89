"""A batch of fewer tokens than it is split into.

vLLM 0.32.0, `config/parallel.py`, `ParallelConfig._verify_args`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import count
from mixvllm.rules.combinations.pairs import unfit


def check(facts: Facts) -> Iterator[Diagnostic]:
    """From so many tokens on a batch is split, and each part takes one at least."""
    dbo, parts = facts.switched_on("enable-dbo"), facts.setting("ubatch-size")
    number = 2 if dbo else count(facts, "ubatch-size")
    if number is None or number < 2:
        return
    for name in ("dbo-decode-token-threshold", "dbo-prefill-token-threshold"):
        least, setting = count(facts, name), facts.setting(name)
        here = setting or parts
        if least is None or here is None or least >= number:
            continue
        what = f"is {least}" if setting else f"is {number}, and `{name}` is {least}"
        yield unfit(
            RULE, here, f"{what}: so few tokens cannot be split into {number} parts",
            dbo or parts if setting else None, remedy=f"raise {name} to {number} or more",
        )  # fmt: skip


RULE = Rule("MX242", "overlap-thresholds", Severity.ERROR, check, since="0.30.0")
