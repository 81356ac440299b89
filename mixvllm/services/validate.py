"""Use case: check profiles and say everything at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.core.errors import MachineFault
from mixvllm.services.check import Checked, Request, check


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A profile that could not be read at all."""

    request: Request
    fault: MachineFault


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in some profiles."""

    profiles: tuple[Checked | Unreadable, ...]
    strict: bool

    @property
    def exit_code(self) -> int:
        """3 when a profile could not be read, else 1 with findings that count, else 0."""
        if any(isinstance(item, Unreadable) for item in self.profiles):
            return 3
        checked = [item for item in self.profiles if isinstance(item, Checked)]
        bad = any(item.errors or (self.strict and item.warnings) for item in checked)
        return int(bad)

    def as_json(self) -> dict[str, object]:
        """The document of `validate --format json` (docs/json.md)."""
        checked = [item for item in self.profiles if isinstance(item, Checked)]
        releases = {item.release for item in checked}
        return {
            "format_version": 1,
            "vllm": releases.pop() if len(releases) == 1 else None,
            "profiles": [_json(item) for item in self.profiles],
        }


def _json(item: Checked | Unreadable) -> dict[str, object]:
    if isinstance(item, Unreadable):
        fault = {"message": str(item.fault), "hint": item.fault.hint or None}
        return {
            "path": str(item.request.path), "valid": False, "vllm": None, "fault": fault,
            "diagnostics": [],
        }  # fmt: skip
    diagnostics: tuple[Diagnostic, ...] = item.diagnostics
    return {
        "path": str(item.resolved.path), "valid": not item.errors, "vllm": item.release,
        "fault": None, "diagnostics": [d.as_json() for d in diagnostics],
    }  # fmt: skip


def validate(requests: Sequence[Request], *, strict: bool = False) -> Report:
    """Check each profile; one that cannot be read does not stop the others."""
    results: list[Checked | Unreadable] = []
    for request in requests:
        try:
            results.append(check(request))
        except MachineFault as fault:
            results.append(Unreadable(request, fault))
    return Report(tuple(results), strict)
