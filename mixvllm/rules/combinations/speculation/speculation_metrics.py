"""Metrics of speculation need speculation.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs
from mixvllm.rules.combinations.speculation.asked import asked, brings_its_own


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused without it.

    A warning, because the model could bring its own (see `asked`); silent when its name says so.
    """
    setting = facts.setting("per-request-spec-decode-metrics")
    if setting is None or setting.value not in ("summary", "detailed"):
        return
    if not asked(facts) and not brings_its_own(facts):
        yield needs(
            RULE, setting, "speculative-config", "without drafts there is nothing to measure",
            remedy="take it out, or set speculative-config",
        )  # fmt: skip


RULE = Rule("MX240", "speculation-metrics", Severity.WARNING, check, since="0.29")
