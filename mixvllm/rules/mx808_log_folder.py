"""MX808 and MX809: the folder of the logs."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import KeyPath
from mixvllm.core.units import show_size
from mixvllm.rules.base import Facts, Rule

_KEY: KeyPath = ("logging", "directory")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A run writes its log there, and turns it over: ``max_bytes`` for each of ``keep`` old
    files and the new one. Warnings, because the profile may be for another machine; `serve`
    tries it and refuses.
    """
    logs = facts.seen.logs if facts.seen is not None else None
    if logs is None:
        return
    place = facts.place(_KEY).value
    if logs.trouble:
        yield RULE.finding(
            f"the folder of the logs {logs.path} {logs.trouble}", place, key=_KEY,
            hint="`serve` would refuse to start; name another one: logging.directory",
        )  # fmt: skip
        return
    try:
        size, keep = (facts.resolved.setting("logging", name) for name in ("max_bytes", "keep"))
    except ValueError:  # not a size: has its own finding
        return
    if not isinstance(size, int) or not isinstance(keep, int) or logs.free_bytes is None:
        return
    if logs.free_bytes < size * (keep + 1):
        yield _ROOM.finding(
            f"the logs of one run may take {show_size(size * (keep + 1))}, more than is free in"
            f" {logs.path}", place, key=_KEY, label=f"{show_size(logs.free_bytes)} are free",
            hint="make room, or lower logging.max_bytes or logging.keep",
        )  # fmt: skip


RULE = Rule("MX808", "log-folder", Severity.WARNING, check)
_ROOM = Rule("MX809", "log-room", Severity.WARNING, check)
