"""Use case: what changes for a profile between two releases of vLLM, and the edited profile.

The rules know what a release refuses. The profile is put before them twice, for the release it
was written for and for the one it goes to: what is found only then is what changes. An edit is
made where vLLM's own code says what took an option's place, and kept only if the profile, read
again, says in all else what it said before and has no finding that it did not have.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.errors import UsageFault
from mixvllm.rules.new_defaults import new_defaults
from mixvllm.services.check import Checked, Request, check
from mixvllm.services.files.difference import difference
from mixvllm.services.learning import Progress
from mixvllm.services.release import known_release
from mixvllm.services.upgrade.change import Change, ChangeKind
from mixvllm.services.upgrade.editing import Editing
from mixvllm.services.upgrade.successor import successor_of
from mixvllm.settings.profile_file import read_bytes
from mixvllm.settings.sources import PREFIX
from mixvllm.vllm.table import numbers

_VERSION: Final = ("vllm", "version")


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What changes, and the profile before and after. Nothing was written yet."""

    path: Path
    since: str
    until: str
    changes: tuple[Change, ...]
    raw: bytes
    edited: bytes
    before: Checked  # against the earlier release
    after: Checked  # the edited profile, against the later one

    @property
    def errors(self) -> int:
        """What the later release still refuses in the edited profile."""
        return self.after.errors

    @property
    def diff(self) -> str:
        """The edits as a unified diff; a secret in it is stars."""
        return difference(self.path, self.raw, self.before.resolved, self.after.resolved)

    def as_json(self) -> dict[str, object]:
        """The document of `upgrade --format json` (docs/json.md)."""
        return {
            "format_version": 1,
            "path": str(self.path),
            "from": self.since,
            "to": self.until,
            "changes": [change.as_json() for change in self.changes],
            "diff": self.diff,
            "valid": not self.errors,
            "diagnostics": [found.as_json() for found in self.after.diagnostics],
        }


def upgrade(
    path: Path,
    environ: Mapping[str, str],
    *,
    to: str,
    since: str | None = None,
    progress: Progress | None = None,
) -> Upgrade:
    """What changes for a profile when its vLLM goes to a later release. The release it was
    written for is ``since``, else its own ``vllm.version``, else the installed one.

    ``environ`` fills in ``${env:...}``; its ``MIXVLLM_*`` variables are left out, since the file
    is what is edited.

    Raises:
        MachineFault: the profile cannot be read, or there is no table for a release.
        UsageFault: the release it was written for is not known, or is later than ``to``.
    """
    raw = read_bytes(path)
    own = {name: text for name, text in environ.items() if not name.startswith(PREFIX)}
    request = Request(path, own, text=raw, progress=progress)
    after = check(replace(request, release=to))
    start = known_release(since, "--from") if since is not None else _written_for(check(request))
    until = after.release
    if numbers(start) > numbers(until):
        raise UsageFault(
            f"--to {until} is older than {start}, which the profile is for",
            hint=f"`mixvllm validate --vllm {until}` says what an older release would refuse",
        )
    before = check(replace(request, release=start))
    old = _names(before)
    found = [d for d in after.diagnostics if _name(d) not in old]
    steps = [step for d in found if (step := successor_of(d, after)) is not None]
    edited, made = Editing(request, raw, after).edited(steps)
    words = {step.finding: step.words for step in made}
    changes = (
        *(Change.of(d, edit=words.get(d, "")) for d in found),
        *_available(before, after),
        *_defaults(after, start),
    )
    return Upgrade(
        path, start, until, tuple(sorted(changes, key=lambda c: list(ChangeKind).index(c.kind))),
        raw, edited, before, check(replace(request, text=edited, release=until)),
    )  # fmt: skip


def _written_for(checked: Checked) -> str:
    """The release of the profile, else the installed one."""
    path, installation = checked.resolved.path, checked.installation
    if any(found.code == "MX116" for found in checked.diagnostics):
        problem = f"{path} is for a release of vLLM that is not known here"
    elif checked.resolved.value(*_VERSION) is None and (
        installation is None or installation.release is None
    ):
        problem = f"{path} does not say which vLLM it is for, and none is installed"
    else:
        return checked.release
    raise UsageFault(problem, hint="name the release it was written for: --from VERSION")


def _available(before: Checked, after: Checked) -> Iterator[Change]:
    """What the profile asked for before its time."""
    later = _names(after)
    for found in before.diagnostics:
        if found.severity is Severity.ERROR and _name(found) not in later:
            what = f"`{found.key[-1]}`" if found.key else "this"
            message = f"{what} is refused by {before.release}, and taken by {after.release}"
            yield Change(ChangeKind.AVAILABLE, message, found.key, found.origin)


def _defaults(after: Checked, start: str) -> Iterator[Change]:
    """What vLLM decides otherwise, where the profile leaves it to vLLM."""
    for default in new_defaults(after.facts, start):
        key = ("vllm", "args", default.option.name)
        yield Change(ChangeKind.DEFAULT, str(default), key, default=default)


def _name(found: Diagnostic) -> tuple[object, ...]:
    return found.code, found.rule, found.key, found.origin


def _names(checked: Checked) -> set[tuple[object, ...]]:
    return {_name(found) for found in checked.diagnostics}
