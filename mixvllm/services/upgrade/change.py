"""One thing that is another for a profile in a later release of vLLM."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.core.origin import KeyPath, Origin, dotted, origin_json
from mixvllm.rules.new_defaults import NewDefault


class ChangeKind(StrEnum):
    """What a change is about, in the order in which changes are told."""

    REMOVED = "removed"  # an option
    CHOICE = "choice"
    KEY = "key"  # of a JSON option
    VARIABLE = "variable"
    DEPRECATED = "deprecated"
    OTHER = "other"  # what only the later release refuses, or warns of
    AVAILABLE = "available"  # what the earlier release refused
    DEFAULT = "default"


_KINDS: Final = {
    "MX210": ChangeKind.REMOVED, "MX203": ChangeKind.CHOICE, "MX214": ChangeKind.CHOICE,
    "MX220": ChangeKind.KEY, "MX300": ChangeKind.VARIABLE, "MX301": ChangeKind.VARIABLE,
    "MX302": ChangeKind.VARIABLE, "MX303": ChangeKind.VARIABLE, "MX211": ChangeKind.DEPRECATED,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """A change. ``edit`` says what was done to the profile; else ``advice`` what a person can do.

    ``default`` is there for a default, which is none of the profile's own keys.
    """

    kind: ChangeKind
    message: str
    key: KeyPath
    origin: Origin | None = None
    advice: str = ""
    edit: str = ""
    default: NewDefault | None = None

    @classmethod
    def of(cls, found: Diagnostic, *, edit: str = "") -> "Change":
        """What a rule finds only in the later release."""
        return cls(
            _KINDS.get(found.code, ChangeKind.OTHER), found.message, found.key, found.origin,
            "" if edit else found.label or found.hint, edit,
        )  # fmt: skip

    def as_json(self) -> dict[str, object]:
        """The shape documented in docs/json.md."""
        return {
            "kind": self.kind.value,
            "message": self.message,
            "key": dotted(self.key) or None,
            "origin": None if self.origin is None else origin_json(self.origin),
            "advice": self.advice or None,
            "edit": self.edit or None,
            "default": None if self.default is None else _default_json(self.default),
        }


def _default_json(default: NewDefault) -> dict[str, object]:
    """The values as JSON; null is what vLLM works out at the start."""
    return {
        "release": default.release, "old": default.old, "new": default.new, "keep": default.kept,
    }  # fmt: skip
