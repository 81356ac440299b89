"""A range of CPUs that runs backwards.

vLLM 0.32.0, `config/parallel.py`, `ParallelConfig._validate_numa_bind_cpus`.
"""

import re
from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import unfit

_RANGE: Final = re.compile(r"(?<![\d-])(\d{1,9})-(\d{1,9})(?![\d-])")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """`4-7` is a range, `7-4` is none."""
    setting = facts.setting("numa-bind-cpus")
    if setting is None:
        return
    texts = setting.value if isinstance(setting.value, list) else [setting.value]
    for text in texts:
        for first, last in _RANGE.findall(text) if isinstance(text, str) else ():
            if int(first) > int(last):
                yield unfit(
                    RULE, setting, f"has the range {first}-{last}, which runs backwards",
                    remedy=f"write {last}-{first}",
                )  # fmt: skip


RULE = Rule("MX242", "numa-cpu-range", Severity.ERROR, check)
