"""MoonEP keeps experts in their places.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with what moves experts, or places them otherwise than in a row."""
    backend = facts.setting("all2all-backend")
    if backend is None or backend.value != "moonep":
        return
    moving, placement = facts.switched_on("enable-eplb"), facts.setting("expert-placement-strategy")
    if moving is not None:
        yield contradicts(
            RULE, moving, backend, "moonep expects each expert where it was loaded",
            remedy="take it out, or another all2all-backend",
        )  # fmt: skip
    if placement is not None and placement.value == "round_robin":
        yield contradicts(
            RULE, placement, backend, "moonep expects the experts of a rank in a row",
            remedy="write linear, or another all2all-backend",
        )  # fmt: skip


RULE = Rule("MX241", "moonep-experts", Severity.ERROR, check, since="0.31.0")
