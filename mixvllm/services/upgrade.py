"""Use case: what changes for a profile between two releases of vLLM, and the edited profile.

The rules know what a release refuses. The profile is put before them twice, for the release it
was written for and for the one it goes to: what is found only then is what changes. An edit is
made where vLLM's own code says what took an option's place, and kept only if the profile, read
again, says in all else what it said before and has no finding that it did not have.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Fix, Severity
from mixvllm.core.errors import UsageFault
from mixvllm.core.origin import FileSpan, KeyPath
from mixvllm.rules.new_defaults import new_defaults
from mixvllm.services.change import Change, ChangeKind
from mixvllm.services.check import Checked, Request, check, known_release
from mixvllm.services.difference import difference
from mixvllm.services.learning import Telling
from mixvllm.services.successor import Successor, successor_of
from mixvllm.settings.edit import ProfileEdit
from mixvllm.settings.layers import Value, merge, without
from mixvllm.settings.profile import read_bytes
from mixvllm.settings.sources import PREFIX
from mixvllm.settings.written import written
from mixvllm.settings.yaml import parse_profile
from mixvllm.vllm.table import numbers

_VERSION: Final = ("vllm", "version")
_BOM: Final = "\ufeff"


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
        bom = _BOM if self.raw.startswith(_BOM.encode()) else ""
        before, after = (c.resolved.texts_shown[self.path] for c in (self.before, self.after))
        return difference(self.path, bom + before, bom + after)

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
    telling: Telling | None = None,
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
    request = Request(path, own, text=raw, telling=telling)
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
    edited, made = _Editing(request, raw, after).edited(steps)
    words = {step.finding: step.words for step in made}
    changes = (
        *(Change.of(d, edit=words.get(d, "")) for d in found),
        *_available(before, after),
        *(
            Change(ChangeKind.DEFAULT, str(d), ("vllm", "args", d.option.name), default=d)
            for d in new_defaults(after.facts, start)
        ),
    )
    order = list(ChangeKind)
    return Upgrade(
        path, start, until, tuple(sorted(changes, key=lambda change: order.index(change.kind))),
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


@dataclass(frozen=True, slots=True)
class _Editing:
    """The edits of one profile, each put to the proof."""

    request: Request
    raw: bytes
    after: Checked  # the unedited profile, against the later release

    def edited(self, steps: Sequence[Successor]) -> tuple[bytes, Sequence[Successor]]:
        """The bytes with all edits that keep the meaning, and these edits."""
        edited = self._with(steps)
        if edited is not None:
            return edited, steps
        made: list[Successor] = []  # one of them cannot be made
        for step in steps:
            trial = self._with([*made, step])
            if trial is not None:
                made, edited = [*made, step], trial
        return edited or self._with(made) or self.raw, made

    def _with(self, steps: Sequence[Successor]) -> bytes | None:
        """The bytes after some edits; None where one cannot be made, or changes anything else."""
        text = self.raw.decode("utf-8-sig", "replace")
        root = parse_profile(self.raw, self.request.path).root
        if root is None:
            return None
        profile = ProfileEdit(root, text, self.request.path)
        added: dict[str, object] = {}
        try:
            for step in steps:
                step.edit(profile)
                added = merge(added, step.added)
            profile.add(added)
            edited = profile.edited(*self._version())
        except ValueError:
            return None
        bom = _BOM if self.raw.startswith(_BOM.encode()) else ""
        raw = (bom + edited).encode()
        return raw if self._is_kept(raw, steps) else None

    def _version(self) -> Iterator[Fix]:
        """The release that the profile names, in as many parts as before, in quotes as before."""
        place = self.after.resolved.place(*_VERSION)
        text = None if place is None else written(self.after.resolved.texts, place.value)
        if place is None or text is None or not isinstance(place.value, FileSpan):
            return
        bare = text.strip("\"'")
        release = ".".join(self.after.release.split(".")[: bare.count(".") + 1])
        if place.value.path == self.request.path and "${" not in text and bare != release:
            quote = text[0] if text[0] in "\"'" else "" if release.count(".") > 1 else '"'
            yield Fix(place.value, f"{quote}{release}{quote}")

    def _is_kept(self, edited: bytes, steps: Sequence[Successor]) -> bool:
        """Whether the profile says what it said, but for the keys of the steps, whose findings
        are gone, and none came.
        """
        now = check(replace(self.request, text=edited, release=self.after.release))
        gone = {(step.finding.code, step.finding.key) for step in steps}
        allowed = {(d.code, d.key) for d in self.after.diagnostics} - gone
        if any((d.code, d.key) not in allowed for d in now.diagnostics):
            return False
        keys = [_VERSION, *(key for step in steps for key in step.keys)]
        return _less(self.after.resolved.values, keys) == _less(now.resolved.values, keys)


def _less(values: Mapping[str, Value], keys: Sequence[KeyPath]) -> Value:
    """The values without some keys, and without the sections that these leave empty."""
    for key in keys:
        values = without(values, key)
    return _without_empty(values)


def _without_empty(value: Value) -> Value:
    if not isinstance(value, Mapping):
        return value
    kept = {key: _without_empty(inner) for key, inner in value.items()}
    return {key: inner for key, inner in kept.items() if inner != {}}


def _name(found: Diagnostic) -> tuple[object, ...]:
    return found.code, found.rule, found.key, found.origin


def _names(checked: Checked) -> set[tuple[object, ...]]:
    return {_name(found) for found in checked.diagnostics}
