"""MX715: a model that is not on this machine, and must not be fetched.

huggingface_hub 1.x, `constants.py` and `file_download.py`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import MODEL, of_the_model


def check(facts: Facts) -> Iterator[Diagnostic]:
    """HF_HUB_OFFLINE forbids the network; then only what is in the cache can be served."""
    absent = facts.not_fetched
    if absent is None:
        return
    name, setting = facts.resolved.value(*map(str, MODEL)), facts.setting("revision")
    where = f"not in {absent}, and HF_HUB_OFFLINE forbids to fetch it"
    hint = "fetch it while the network is there (hf download), or take HF_HUB_OFFLINE away"
    if setting is not None and isinstance(setting.value, str):
        yield RULE.finding(
            f"revision {setting.value} of {name} is {where}", setting.place.value, key=setting.key,
            hint=hint,
        )  # fmt: skip
    else:
        yield of_the_model(RULE, facts, f"{name} is {where}", hint=hint)


RULE = Rule("MX715", "not-fetched", Severity.ERROR, check)
