"""MX718: a file of the model's that cannot be read.

vLLM 0.32.0, `transformers_utils/config.py`, get_config, and transformers.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import of_the_model

_DOES_WITHOUT = {"generation_config.json"}  # vLLM starts with its own defaults


def check(facts: Facts) -> Iterator[Diagnostic]:
    """An interrupted copy, a disk that was full, a file that git stores elsewhere: what is there
    is not the file.
    """
    for broken in () if facts.checkpoint is None else facts.checkpoint.broken:
        yield of_the_model(
            RULE, facts, f"the model's {broken.name} {broken.why}",
            hint=f"in {facts.checkpoint.folder if facts.checkpoint else ''}: fetch the file again",
            severity=Severity.WARNING if broken.name in _DOES_WITHOUT else None,
        )  # fmt: skip


RULE = Rule("MX718", "torn-file", Severity.ERROR, check)
