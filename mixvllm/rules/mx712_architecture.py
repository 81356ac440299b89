"""MX712: a model that this release of vLLM cannot serve.

vLLM 0.32.0, `model_executor/models/registry.py`, inspect_model_cls.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import models_of, of_the_model, written_config


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM needs a class of its own for an architecture, or one of transformers' that it can
    wrap, or one that comes with the model.
    """
    config, models = written_config(facts), models_of(facts)
    if (
        config is None
        or models is None
        or facts.value_of("model-impl") not in (None, "auto", "vllm")
    ):
        return
    brings = any(name.startswith("AutoModel") for name in config.remote_code)
    if not config.architectures or brings or any(map(models.has, config.architectures)):
        return
    name = config.architectures[0]
    later, wrapped = models.added_in(name), models.may_wrap(name)
    if wrapped and later is None:
        return
    if later is not None:
        label = f"vLLM {later} has it"
        hint = "it starts only if the transformers beside it brings the model" if wrapped else ""
    elif gone := models.removed_in(name):
        label, hint = f"vLLM {gone} removed it", "serve it with an earlier release"
    elif near := models.nearest(name):
        label, hint = "", f"did its config.json mean {near}?"
    else:
        label, hint = "", "a plugin may bring it; vLLM's list of models says which it has"
    yield of_the_model(
        RULE, facts, f"vLLM {facts.options.release} has no {name}", label=label, hint=hint,
        severity=Severity.WARNING if wrapped else None,
    )  # fmt: skip


RULE = Rule("MX712", "architecture", Severity.ERROR, check)
