"""A method of quantisation that vLLM is about to drop has to be allowed.

vLLM 0.32.0, `config/model.py`, `ModelConfig._verify_quantization`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.capability import abilities_of
from mixvllm.rules.combinations.pairs import needs

ALLOWED = "allow-deprecated-quantization"


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused without the switch."""
    setting, able = facts.setting("quantization"), abilities_of(facts)
    if setting is None or able is None or facts.switched_on(ALLOWED) is not None:
        return
    method = able.method(str(setting.value))
    if method is not None and method.deprecated:
        yield needs(
            RULE, setting, ALLOWED,
            f"vLLM will drop the method {setting.value}, and takes it only so",
        )  # fmt: skip


RULE = Rule("MX240", "deprecated-quantization", Severity.ERROR, check, since="0.14")
