"""MX812: too few open files."""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import KeyPath
from mixvllm.rules.base import Facts, Rule

_WANTED: Final = 65535  # vllm/utils/system_utils.py, 0.32.0: set_ulimit
_FEW: Final = 4096
_KEY: KeyPath = ("server", "port")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Each connection of a client is an open file. vLLM raises its own limit to 65535 and warns
    when it may not; below 4096 its largest default batch of 1024 requests, and as many that
    wait, come near it. The hard limit counts.
    """
    limit = facts.seen.open_files if facts.seen is not None else None
    if limit is not None and limit < _FEW:
        yield RULE.finding(
            f"this process may open {limit} files at the most, vLLM asks for {_WANTED}",
            facts.place(_KEY if _KEY in facts.resolved.places else ("model", "name")).value,
            hint=f"raise it: `ulimit -Hn {_WANTED}`, LimitNOFILE= in a unit, --ulimit nofile= in"
            " a container",
        )


RULE = Rule("MX812", "open-files", Severity.WARNING, check)
