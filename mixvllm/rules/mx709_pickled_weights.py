"""MX709: weights that are pickles.

vLLM 0.32.0, `model_executor/model_loader/weight_utils.py`, pt_weights_iterator.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import of_the_model


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A pickle is read whole into memory, by every rank, before its tensors are used; safetensors
    are mapped. The start is slower and needs that much main memory.
    """
    if facts.checkpoint is not None and facts.checkpoint.weights.pickled:
        yield of_the_model(
            RULE, facts,
            f"the weights are pickles ({facts.checkpoint.weights.files[0]}): each rank reads them"
            " whole before it uses them",
            hint="the same model as safetensors starts sooner and in less memory",
        )  # fmt: skip


RULE = Rule("MX709", "pickled-weights", Severity.INFO, check)
