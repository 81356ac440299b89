"""Options of sleep mode, and no sleep.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.use_cumem_cudagraph_pool`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import idle


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Passed over without `enable-sleep-mode`."""
    if facts.switched_on("enable-sleep-mode") is not None:
        return
    for name in ("sleep-mode-offload-cudagraph", "sleep-preserve-parameter-names"):
        setting = facts.setting(name)
        if setting is not None and setting.value not in (None, False, "", []):
            yield idle(RULE, setting, "enable-sleep-mode", "the engine never sleeps")


RULE = Rule("MX243", "sleep-idle", Severity.WARNING, check, since="0.31")
