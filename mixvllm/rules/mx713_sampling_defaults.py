"""MX713: sampling defaults with which vLLM refuses requests.

vLLM 0.32.0, `sampling_params.py`, _verify_args, and `config/model.py`, get_diff_sampling_param.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import dotted
from mixvllm.rules.base import Facts, Rule, shown
from mixvllm.rules.model_files import of_the_model
from mixvllm.settings.engine import EngineSetting
from mixvllm.settings.layers import Value
from mixvllm.vllm.table import numbers

_HOTTEST: Final = "0.24.0"  # the first release with an upper limit for the temperature
_NAMES: Final = {"max_new_tokens": "max_tokens"}  # as generation_defaults calls it
_PENALTIES: Final = "0.31.0"  # the first one that reads them from here
_READ: Final = (
    "repetition_penalty", "temperature", "top_k", "top_p", "min_p", "max_new_tokens",
)  # fmt: skip


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Defaults are checked when a request comes: the service starts, and then refuses every
    request that does not bring values of its own.
    """
    setting, release = facts.setting("override-generation-config"), facts.options.release
    given = _values(setting)
    if setting is not None:
        for name, value in given.items():
            key = (*setting.key, _NAMES.get(name, name) if setting.named else name)
            if limit := _limit(name, value, release):
                yield RULE.finding(
                    f"`{dotted(key)}` is {shown(value)}: vLLM refuses every request that brings"
                    " no value of its own",
                    facts.resolved.places.get(key, setting.place).value,
                    key=key,
                    label=f"it takes {limit}",
                )
    if facts.checkpoint is None or facts.value_of("generation-config") not in (None, "auto"):
        return
    for name, value in facts.checkpoint.generation.items():
        limit = "" if name in given else _limit(name, value, release)
        if limit:
            yield of_the_model(
                RULE, facts,
                f"the model's generation_config.json has {name} {shown(value)}: vLLM refuses every"
                " request that brings no value of its own",
                label=f"it takes {limit}",
                hint=f"set generation_defaults.{name}, or vllm.args.generation-config: vllm",
            )  # fmt: skip


def _values(setting: EngineSetting | None) -> dict[str, Value]:
    if setting is None or not isinstance(setting.value, Mapping):
        return {}
    return {str(name): value for name, value in setting.value.items()}


def _limit(name: str, value: Value, release: str) -> str:
    """What the release takes instead, in words; "" when it takes the value or does not read it."""
    amount = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if amount is None or name not in _read_by(release):
        return ""
    hottest = 2.0 if numbers(release) >= numbers(_HOTTEST) else math.inf
    right, words = {
        "temperature": (0 <= amount <= hottest, "0 to 2" if hottest == 2 else "0 and more"),
        "top_p": (0 < amount <= 1, "more than 0, at the most 1"),
        "top_k": (amount >= -1 and isinstance(amount, int), "an integer: 1 and more, or 0 for all"),
        "min_p": (0 <= amount <= 1, "0 to 1"),
        "repetition_penalty": (0 < amount < math.inf, "more than 0"),
        "presence_penalty": (-2 <= amount <= 2, "-2 to 2"),
        "frequency_penalty": (-2 <= amount <= 2, "-2 to 2"),
        "max_new_tokens": (amount >= 1, "1 and more"),
    }[name]
    return "" if right else words


def _read_by(release: str) -> tuple[str, ...]:
    if numbers(release) < numbers(_PENALTIES):
        return _READ
    return (*_READ, "presence_penalty", "frequency_penalty")


RULE = Rule("MX713", "sampling-defaults", Severity.ERROR, check)
