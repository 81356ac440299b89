"""The largest object of a cache in shared memory.

vLLM 0.32.0, `config/multimodal.py`, `MultiModalConfig._validate_multimodal_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import whole
from mixvllm.rules.combinations.pairs import idle


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused for multimodal models when the cache is another one; others never look at it.

    The default is taken as not given.
    """
    size = facts.setting("mm-shm-cache-max-object-size-mb")
    if size is None or size.option is None or whole(size) in (None, size.option.default):
        return
    if facts.value_of("mm-processor-cache-type") == "lru":
        yield idle(
            RULE, size, "mm-processor-cache-type", "only the cache `shm` has such a limit",
            remedy="set mm-processor-cache-type to shm",
        )  # fmt: skip


RULE = Rule("MX243", "shared-cache-object", Severity.WARNING, check)
