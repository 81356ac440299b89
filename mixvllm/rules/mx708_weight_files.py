"""MX708: weight files that are missing or cut off.

vLLM 0.32.0, `model_executor/model_loader/default_loader.py`, _prepare_weights.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import complete, of_the_model

_SHOWN = 3


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A copy that was interrupted. vLLM finds it out when it loads the weights, which may be the
    last of 200 files, some minutes into the start.
    """
    if facts.checkpoint is None:
        return
    weights, folder = facts.checkpoint.weights, facts.checkpoint.folder
    for broken in weights.broken[:_SHOWN]:
        yield of_the_model(
            RULE, facts, f"the weight file {broken.name} {broken.why}",
            hint="" if "git lfs" in broken.why else f"in {folder}: delete it and fetch it again",
        )  # fmt: skip
    if complete(facts) is None or not weights.patterns:
        return
    if weights.missing:
        names = ", ".join(weights.missing[:_SHOWN])
        more = len(weights.missing) - _SHOWN
        yield of_the_model(
            RULE, facts,
            f"{len(weights.missing)} of the model's weight files {_are(len(weights.missing))}"
            f" not there: {names}{f' and {more} more' if more > 0 else ''}",
            hint=f"the index in {folder}, or the others' numbers, tell of them: copy or fetch them",
        )  # fmt: skip
    elif not weights.files:
        yield of_the_model(
            RULE, facts,
            f"{folder} holds no weights: no file named {' or '.join(weights.patterns)}",
            hint="copy or fetch the rest of the model",
        )  # fmt: skip


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


RULE = Rule("MX708", "weight-files", Severity.ERROR, check)
