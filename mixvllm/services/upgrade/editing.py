"""The edits of an upgrade, each kept only if the profile means what it meant."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mixvllm.core.diagnostic import Fix
from mixvllm.core.origin import FileSpan, KeyPath
from mixvllm.services.check import Checked, Request, check
from mixvllm.services.files.rewrite import encoded
from mixvllm.services.upgrade.successor import Successor
from mixvllm.settings.edit import ProfileEdit
from mixvllm.settings.layers import Value, merge, without
from mixvllm.settings.written import written
from mixvllm.settings.yaml import parse_profile

_VERSION: Final = ("vllm", "version")


@dataclass(frozen=True, slots=True)
class Editing:
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
        raw = encoded(edited, self.raw)
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
