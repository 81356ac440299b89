"""MX704: requests longer than the model can see.

vLLM 0.32.0, `config/model.py`, _get_and_verify_max_len.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import number, written_config
from mixvllm.vllm.checkpoint.config import whole

_ALLOWED = "VLLM_ALLOW_LONG_MAX_MODEL_LEN"


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The model was made for so many positions; beyond them its answers are noise, or it reads
    past a table. vLLM refuses to start.
    """
    setting, config = facts.setting("max-model-len"), written_config(facts)
    asked = number(setting)
    if setting is None or asked is None or config is None or _is_allowed(facts):
        return
    if facts.checkpoint is not None and any(
        name.startswith("sentence_") for name in facts.checkpoint.names
    ):
        return  # an embedding model that has a limit of its own
    longest = config.longest(facts.options.release)
    if longest is None or asked <= max(
        longest.tokens, whole(config.text.get("model_max_length")) or 0
    ):
        return
    yield RULE.finding(
        f"max_model_len is {asked}, but the model sees {longest.tokens} tokens ({longest.key} in"
        " its config.json)",
        setting.place.value,
        key=setting.key,
        label=f"{longest.tokens} at the most",
    )


def _is_allowed(facts: Facts) -> bool:
    variable = facts.options.env.get(_ALLOWED)
    text = facts.variables.get(_ALLOWED, "")
    return variable is not None and text not in ("", variable.spelling(on=False))


RULE = Rule("MX704", "context-too-long", Severity.ERROR, check)
