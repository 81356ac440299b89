"""The log has options of its own, and a JSON option.

vLLM 0.32.0, `engine/arg_utils.py`, `create_logging_config`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import overruled

_KEYS: Final = {"log-level": "log_level", "log-config-file": "pylogging_config_file"}


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The options win; keys that say something else are passed over."""
    keys = inside(facts, "logging-config")
    for name, inner in _KEYS.items():
        option, key = facts.setting(name), keys.get(inner)
        if option is None or option.value is None or key is None or key.value == option.value:
            continue
        yield overruled(RULE, key, option, "the option is read last", remedy="keep one of the two")


RULE = Rule("MX243", "logging-twice", Severity.WARNING, check, since="0.31")
