"""A cache that is cut anywhere, and images that are not.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.validate_block_size`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Aligned Mamba states end where a block does, in the middle of an image too."""
    whole, mode = facts.switched_on("disable-chunked-mm-input"), facts.setting("mamba-cache-mode")
    if whole is None or mode is None or facts.switched_on("enable-prefix-caching") is None:
        return
    if mode.value == "align":
        yield contradicts(
            RULE, whole, mode, "aligned states end in the middle of an image too",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "aligned-mamba-input", Severity.ERROR, check)
