"""MX427: a checkpoint in a format that vLLM is about to drop.

vLLM 0.32.0, `config/model.py`, ModelConfig._verify_quantization.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.capability import abilities_of, quantized
from mixvllm.rules.combinations.model.deprecated_quantization import ALLOWED
from mixvllm.rules.model_files import of_the_model


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM refuses it until it is told that this is known."""
    method, able = quantized(facts), abilities_of(facts)
    if method is None or method.setting is not None or able is None:
        return
    known = able.method(method.method)
    if known is not None and known.deprecated and facts.switched_on(ALLOWED) is None:
        yield of_the_model(
            RULE, facts,
            f"the checkpoint is quantised with {method.method}, which vLLM will drop",
            label=f"set {ALLOWED}, or name a checkpoint in another format",
        )  # fmt: skip


RULE = Rule("MX427", "deprecated-checkpoint", Severity.ERROR, check, since="0.14")
