"""Use case: check profiles and say everything at once; mend what is certain, if asked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.core.errors import MachineFault
from mixvllm.services.check import Checked, Request, check

if TYPE_CHECKING:  # imported when something is to be mended: most runs only check
    from mixvllm.services.validate.fixes import Mended


class Edit(Enum):
    """What becomes of the fixes that are certain."""

    NONE = "none"
    WRITE = "write"  # `--fix`
    SHOW = "show"  # `--diff`: nothing is written


@dataclass(frozen=True, slots=True)
class Validated:
    """A profile that was checked. ``mended`` is None unless fixes were asked for."""

    checked: Checked
    mended: "Mended | None" = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A profile that could not be read, or not be written with its fixes."""

    request: Request
    fault: MachineFault


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in some profiles."""

    profiles: tuple[Validated | Failed, ...]
    strict: bool

    @property
    def checked(self) -> tuple[Checked, ...]:
        """The profiles that could be checked."""
        return tuple(item.checked for item in self.profiles if isinstance(item, Validated))

    @property
    def failed(self) -> tuple[Failed, ...]:
        """Those that could not."""
        return tuple(item for item in self.profiles if isinstance(item, Failed))

    @property
    def exit_code(self) -> int:
        """3 when a profile could not be read or written, else 1 with findings that count."""
        if self.failed:
            return 3
        return int(any(c.errors or (self.strict and c.warnings) for c in self.checked))

    def as_json(self) -> dict[str, object]:
        """The document of `validate --format json` (docs/json.md)."""
        releases = {item.release for item in self.checked}
        return {
            "format_version": 1,
            "vllm": releases.pop() if len(releases) == 1 else None,
            "profiles": [_json(item) for item in self.profiles],
        }


def _json(item: Validated | Failed) -> dict[str, object]:
    if isinstance(item, Failed):
        fault = {"message": str(item.fault), "hint": item.fault.hint or None}
        return {
            "path": str(item.request.path), "valid": False, "vllm": None, "fault": fault,
            "diagnostics": [], "fixed": None, "diff": None,
        }  # fmt: skip
    checked, mended = item.checked, item.mended
    return {
        "path": str(checked.resolved.path), "valid": not checked.errors, "vllm": checked.release,
        "fault": None, "diagnostics": _list(checked.diagnostics),
        "fixed": None if mended is None else _list(mended.fixed),
        "diff": None if mended is None else mended.diff,
    }  # fmt: skip


def _list(diagnostics: Sequence[Diagnostic]) -> list[dict[str, object]]:
    return [d.as_json() for d in diagnostics]


def validate(
    requests: Sequence[Request], *, strict: bool = False, edit: Edit = Edit.NONE
) -> Report:
    """Check each profile; one that cannot be read does not stop the others."""
    results = [_one(request, edit) for request in requests]
    if edit is Edit.WRITE and len(results) > 1:
        results = _again(results, requests)
    return Report(tuple(results), strict)


def _one(request: Request, edit: Edit) -> Validated | Failed:
    try:
        if edit is Edit.NONE:
            return Validated(check(request))
        from mixvllm.services.validate.fixes import mend

        mended = mend(request)
        if edit is Edit.SHOW:
            return Validated(mended.before, mended)
        if request.text is None and mended.fixed:
            from mixvllm.services.files.rewrite import rewrite

            rewrite(request.path, mended.raw, mended.mended)
        return Validated(mended.after, mended)
    except MachineFault as fault:
        return Failed(request, fault)


def _again(
    results: Sequence[Validated | Failed], requests: Sequence[Request]
) -> list[Validated | Failed]:
    """The same once all files are written: one may extend another that was mended after it."""
    if not any(isinstance(r, Validated) and r.mended and r.mended.fixed for r in results):
        return list(results)
    latest: list[Validated | Failed] = []
    for result, request in zip(results, requests, strict=True):
        if isinstance(result, Failed) or result.mended is None:
            latest.append(result)
            continue
        text = None if request.text is None else result.mended.mended
        try:
            latest.append(replace(result, checked=check(replace(request, text=text))))
        except MachineFault as fault:
            latest.append(Failed(request, fault))
    return latest
