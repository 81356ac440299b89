"""One API server looks after ranks that may fail.

vLLM 0.32.0, `config/parallel.py`, `ParallelConfig._validate_parallel_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.counts import counted
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with more."""
    switch, servers = facts.switched_on("enable-fault-tolerance"), facts.setting("api-server-count")
    number = counted(servers)
    if switch is not None and servers is not None and number is not None and number > 1:
        yield contradicts(
            RULE, servers, switch, "one API server looks after all ranks", remedy="set it to 1"
        )


RULE = Rule("MX241", "fault-tolerance-api-servers", Severity.ERROR, check)
