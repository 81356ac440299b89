"""MX819: threads bound to CPUs that are not there."""

import re
from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule

_RANGE: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """VLLM_CPU_OMP_THREADS_BIND lists CPUs, ``0-7,16-23``, and ``|`` between ranks. A CPU that
    is not there, or not allowed in this container, gets no thread.
    """
    cpus = facts.seen.cpus if facts.seen is not None else frozenset()
    given = facts.variable("VLLM_CPU_OMP_THREADS_BIND")
    if not cpus or given is None:
        return
    text, origin, key = given
    if text in ("", "auto", "nobind"):
        return
    asked: set[int] = set()
    for part in re.split(r"[|,]", text):
        match = _RANGE.fullmatch(part.strip())
        if match is None:  # vLLM's own grammar has more
            return
        asked.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    missing = sorted(asked - cpus)
    if missing:
        which = f"CPU {missing[0]}" if len(missing) == 1 else f"{len(missing)} CPUs"
        yield RULE.finding(
            f"VLLM_CPU_OMP_THREADS_BIND is `{text}`, and {which} of it cannot be used here",
            origin, key=key, hint="`nproc` and `taskset -p $$` tell which can",
        )  # fmt: skip


RULE = Rule("MX819", "cpu-binding", Severity.WARNING, check)
