"""MX711: a model that is made of its repository's own Python code.

vLLM 0.32.0, `transformers_utils/config.py`, HFConfigParser, and transformers'
`resolve_trust_remote_code`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import models_of, of_the_model, written_config


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Neither vLLM nor transformers knows this kind of model: its configuration is read by code
    that comes with it, and that code is only run when it is trusted.
    """
    config, models = written_config(facts), models_of(facts)
    if config is None or models is None or facts.value_of("trust-remote-code") is True:
        return
    code = config.remote_code.get("AutoConfig")
    if isinstance(code, str) and not models.knows_type(config.model_type):
        yield of_the_model(
            RULE, facts,
            f"the model brings its own code ({code.split('--')[-1][:80]}), which is not trusted",
            label="set model.trust_remote_code: true",
            hint="read the code first: it runs with your rights; pin it with model.revision",
        )  # fmt: skip


RULE = Rule("MX711", "custom-code", Severity.ERROR, check)
