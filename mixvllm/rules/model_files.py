"""What the rules about a model's files share: the configuration that vLLM will go by."""

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import KeyPath
from mixvllm.rules.base import Facts, Rule
from mixvllm.settings.engine import EngineSetting
from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.checkpoint.folder import Checkpoint
from mixvllm.vllm.models import ServedModels, served_models
from mixvllm.vllm.quantity import human_integer

MODEL: KeyPath = ("model", "name")


def written_config(facts: Facts) -> ModelConfig | None:
    """The model's config.json, unless the profile lays other values over it."""
    checkpoint = facts.checkpoint or facts.stand_in
    if checkpoint is None or facts.setting("hf-overrides") is not None:
        return None
    return checkpoint.config


def complete(facts: Facts) -> Checkpoint | None:
    """The model's folder, when all that vLLM needs has to be in it: nothing more is fetched, and
    the folder is a model's.
    """
    checkpoint = facts.checkpoint
    if checkpoint is None or checkpoint.fetched or checkpoint.config is None:
        return None
    return checkpoint


def number(setting: EngineSetting | None) -> int | None:
    """The integer that vLLM will read; None for `auto` and for what has a finding of its own."""
    if setting is None or isinstance(setting.value, bool):
        return None
    if isinstance(setting.value, str) and setting.option is not None:
        try:
            return human_integer(setting.value, setting.option.suffixes)
        except ValueError:
            return None
    return setting.value if isinstance(setting.value, int) else None


def abilities(facts: Facts) -> str | None:
    """What the first architecture that the release has a class for can do; None: not known."""
    config, models = written_config(facts), served_models(facts.options.release)
    if config is None or models is None or facts.value_of("model-impl") not in (None, "auto"):
        return None
    return next(filter(None, map(models.abilities, config.architectures)), None)


def models_of(facts: Facts) -> ServedModels | None:
    """What the release can serve."""
    return served_models(facts.options.release)


def of_the_model(
    rule: Rule, facts: Facts, message: str, *, label: str = "", hint: str = "",
    severity: Severity | None = None,
) -> Diagnostic:  # fmt: skip
    """A finding at the place where the model is named."""
    return rule.finding(
        message, facts.place(MODEL).value, key=MODEL, label=label, hint=hint, severity=severity
    )
