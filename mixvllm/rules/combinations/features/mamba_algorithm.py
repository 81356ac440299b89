"""An algorithm for Mamba's state update is FlashInfer's.

vLLM 0.32.0, `config/mamba.py`, `MambaConfig.validate_ssu_algorithm`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with every other backend; triton is the default."""
    setting, backend = facts.setting("mamba-ssu-algorithm"), facts.value_of("mamba-backend")
    if setting is None or setting.value is None or not isinstance(backend, str):
        return
    if backend.lower() != "flashinfer":
        yield needs(
            RULE, setting, "mamba-backend", "only FlashInfer has several algorithms",
            remedy="set mamba-backend to flashinfer",
        )  # fmt: skip


RULE = Rule("MX240", "mamba-algorithm", Severity.ERROR, check, since="0.27")
