"""MX717: text asked of a model that gives none.

vLLM 0.32.0, `config/model.py`, ModelConfig.__post_init__.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import abilities, written_config


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Embedding models, classifiers and the like answer with numbers; no option makes text of
    them.
    """
    setting, config, able = facts.setting("runner"), written_config(facts), abilities(facts)
    if setting is None or config is None or able is None or setting.value != "generate":
        return
    if "g" not in able:
        yield RULE.finding(
            f"{config.architectures[0]} generates no text",
            setting.place.value, key=setting.key, label="use pooling, or leave it out",
        )  # fmt: skip


RULE = Rule("MX717", "runner", Severity.ERROR, check)
