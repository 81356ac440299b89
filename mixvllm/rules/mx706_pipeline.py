"""MX706: pipeline stages of a model that cannot be split into them.

vLLM 0.32.0, `config/model.py`, verify_with_parallel_config.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import abilities, number, written_config


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM has to know how to stop and go on between two layers; for some models it does not."""
    setting, config = facts.setting("pipeline-parallel-size"), written_config(facts)
    stages, able = number(setting), abilities(facts)
    if setting is None or config is None or able is None or stages is None or stages < 2:
        return
    if "s" not in able:
        yield RULE.finding(
            f"{config.architectures[0]} cannot be split into pipeline stages in vLLM"
            f" {facts.options.release}",
            setting.place.value,
            key=setting.key,
            label="use tensor_parallel_size instead",
        )


RULE = Rule("MX706", "pipeline", Severity.ERROR, check)
