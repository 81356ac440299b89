"""The attention backend is named once.

vLLM 0.32.0, `engine/arg_utils.py`, `create_engine_config`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts

# Not backends of their own: `auto` is none, the others choose a kernel of MiniMax models.
_NONE: Final = ("auto", "cutlass_msa", "triton_msa")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when the option and the JSON key name one, even the same."""
    option, key = (
        facts.setting("attention-backend"),
        inside(facts, "attention-config").get("backend"),
    )
    if option is None or not isinstance(option.value, str) or key is None:
        return
    if isinstance(key.value, str) and key.value.lower() not in _NONE:
        yield contradicts(
            RULE, key, option, "vLLM takes the backend from one of them only",
            remedy="keep one of the two",
        )  # fmt: skip


RULE = Rule("MX241", "attention-backend-twice", Severity.ERROR, check, since="0.13")
