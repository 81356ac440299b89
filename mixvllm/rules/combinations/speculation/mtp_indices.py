"""Shared indices are for the method `mtp`.

vLLM 0.32.0, `config/speculative.py`, `SpeculativeConfig.__post_init__`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import contradicts
from mixvllm.rules.combinations.speculation.asked import asked, method_of

_OTHERS: Final = ("ngram", "ngram_gpu", "suffix", "eagle", "eagle3", "dflash", "dspark")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with every other method."""
    keys = asked(facts)
    share, method = keys.get("index_share_for_mtp_iteration"), keys.get("method")
    if share is None or not isinstance(share.value, bool) or method is None:
        return
    if method_of(keys) in _OTHERS:
        yield contradicts(
            RULE, share, method, "only mtp runs its layer several times", remedy="take it out"
        )


RULE = Rule("MX241", "mtp-indices", Severity.ERROR, check, since="0.29")
