"""The sizes of CUDA graphs: given once.

vLLM 0.32.0, `engine/arg_utils.py`, `create_engine_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when the option and the JSON key are set, even to the same."""
    option = facts.setting("cudagraph-capture-sizes")
    key = inside(facts, "compilation-config").get("cudagraph_capture_sizes")
    if option is not None and option.value is not None and key is not None:
        yield contradicts(
            RULE, key, option, "vLLM takes the sizes from one of them only",
            remedy="keep one of the two",
        )  # fmt: skip


RULE = Rule("MX241", "capture-sizes-twice", Severity.ERROR, check)
