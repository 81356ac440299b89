"""What a check found: a code, a place, and what to do next."""

from dataclasses import dataclass
from enum import StrEnum

from mixvllm.core.origin import FileSpan, KeyPath, Origin, dotted, origin_json


class Severity(StrEnum):
    """How much a finding matters. Errors stop ``serve``; warnings stop it under ``--strict``."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that belongs to a finding, e.g. where a key was set first."""

    origin: Origin
    label: str


class Applicability(StrEnum):
    """Whether a fix may be made unasked."""

    SAFE = "safe"  # nothing else can have been meant
    UNSAFE = "unsafe"  # a guess, or it takes something away: for a person to decide


@dataclass(frozen=True, slots=True)
class Fix:
    """An edit that mends the finding: put ``text`` in place of ``span``."""

    span: FileSpan
    text: str
    applicability: Applicability = Applicability.SAFE


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    ``message`` says what is wrong, ``label`` (under the caret) the short remedy,
    ``hint`` the longer one. ``key`` is the profile key in snake case, if there is one.
    """

    code: str
    severity: Severity
    message: str
    origin: Origin
    key: KeyPath = ()
    label: str = ""
    hint: str = ""
    related: tuple[Related, ...] = ()
    fix: Fix | None = None
    rule: str = ""  # the name of the rule, where one code has several

    @property
    def page(self) -> str:
        """What `explain` is to be asked: the rule, where a code has many, each with a page."""
        return self.rule if self.rule and self.code.startswith("MX24") else self.code

    def as_json(self) -> dict[str, object]:
        """The shape documented in docs/json.md."""
        return {
            "code": self.code,
            "rule": self.rule or None,
            "severity": self.severity.value,
            "message": self.message,
            "hint": self.hint or self.label or None,
            "key": dotted(self.key) or None,
            "origin": origin_json(self.origin),
            "related": [
                {"label": item.label, "origin": origin_json(item.origin)} for item in self.related
            ],
            "fix": None
            if self.fix is None
            else {
                "replacement": self.fix.text,
                "applicability": self.fix.applicability.value,
                "origin": origin_json(self.fix.span),
            },
        }


def in_order(diagnostics: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """As the operator reads: files in order of appearance, then by place, then by code."""

    def place(item: Diagnostic) -> tuple[int, str, int, int, str]:
        match item.origin:
            case FileSpan(path, line, column):
                return (0, str(path), line, column, item.code)
            case other:
                return (1, str(other), 0, 0, item.code)

    return tuple(sorted(dict.fromkeys(diagnostics), key=place))
