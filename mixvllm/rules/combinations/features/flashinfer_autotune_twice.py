"""FlashInfer's tuning is switched once.

vLLM 0.32.0, `engine/arg_utils.py`, `create_engine_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when the option and the JSON key are set, even to the same."""
    option = facts.setting("enable-flashinfer-autotune")
    key = inside(facts, "kernel-config").get("enable_flashinfer_autotune")
    if option is None or key is None:
        return
    if isinstance(option.value, bool) and isinstance(key.value, bool):
        yield contradicts(
            RULE, key, option, "vLLM takes the switch from one of them only",
            remedy="keep one of the two",
        )  # fmt: skip


RULE = Rule("MX241", "flashinfer-autotune-twice", Severity.ERROR, check, since="0.16")
