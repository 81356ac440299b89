"""Places in one file, and findings at them."""

from pathlib import Path
from typing import Any

from mixvllm.core.diagnostic import Diagnostic, Fix, Related, Severity
from mixvllm.core.origin import FileSpan


class Marks:
    """Of a file, and the `extends` entry that brought it in."""

    def __init__(self, path: Path, included_by: FileSpan | None) -> None:
        self.path = path
        self._included_by = included_by

    def span(self, start: Any, end: Any) -> FileSpan:
        """The place between two marks of ruamel's, which count from 0."""
        return FileSpan(
            self.path, start.line + 1, start.column + 1, end.line + 1, end.column + 1,
            self._included_by,
        )  # fmt: skip

    def place(self, line: int, column: int, width: int = 1) -> FileSpan:
        """A place on one line, counted from 1."""
        return FileSpan(self.path, line, column, line, column + width, self._included_by)

    def say(
        self,
        code: str,
        message: str,
        span: FileSpan,
        *,
        severity: Severity = Severity.ERROR,
        label: str = "",
        hint: str = "",
        related: tuple[Related, ...] = (),
        fix: str | Fix | None = None,
    ) -> Diagnostic:
        """A finding; a fix that is a text takes the place of the whole span."""
        edit = Fix(span, fix) if isinstance(fix, str) else fix
        return Diagnostic(
            code, severity, message, span, label=label, hint=hint, related=related, fix=edit
        )
