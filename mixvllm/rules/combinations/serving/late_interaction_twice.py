"""Fast late interaction is switched off for server and engine alike.

vLLM 0.32.0, `entrypoints/launchers/cli_args.py`, `propagate_flash_late_interaction`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import overruled


def check(facts: Facts) -> Iterator[Diagnostic]:
    """`false` is written over the key of `pooler-config`."""
    option = facts.setting("enable-flash-late-interaction")
    key = inside(facts, "pooler-config").get("enable_flash_late_interaction")
    if option is not None and option.value is False and key is not None and key.value is True:
        yield overruled(
            RULE, key, option, "the engine follows the server", remedy="keep one of the two"
        )


RULE = Rule("MX243", "late-interaction-twice", Severity.WARNING, check, since="0.32")
