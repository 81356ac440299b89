"""A scheduler that runs ahead needs padded drafts.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.rules.combinations.speculation.asked import asked


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when padding is switched off."""
    ahead, padding = (
        facts.switched_on("async-scheduling"),
        asked(facts).get("disable_padded_drafter_batch"),
    )
    if ahead is not None and padding is not None and padding.value is True:
        yield contradicts(
            RULE, padding, ahead, "a scheduler that runs ahead needs padded drafts",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "async-padding", Severity.ERROR, check, until="0.33")
