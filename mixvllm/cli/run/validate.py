"""What `mixvllm validate` does, once its words are read."""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from mixvllm.cli.main import BEGAN
from mixvllm.cli.plain import PlainWords
from mixvllm.cli.progress import Progress
from mixvllm.cli.streams import print_diff, visible
from mixvllm.cli.text.findings import count_in_words, show_findings
from mixvllm.core.diagnostic import Applicability, Diagnostic, Severity
from mixvllm.core.errors import UsageFault
from mixvllm.services.check import Checked, Request
from mixvllm.services.validate.report import Edit, Failed, Report, Validated, validate
from mixvllm.settings.sources import Override

_MOST: Final = 100  # findings of one profile that are shown in full


class ReportFormat(StrEnum):
    """How the findings are written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was asked for; a profile called ``-`` is standard input."""

    profiles: Sequence[Path]
    form: ReportFormat = ReportFormat.TEXT
    vllm: str | None = None
    since: str | None = None
    host: Path | None = None
    strict: bool = False
    fix: bool = False
    diff: bool = False
    stdin_filename: Path | None = None
    overrides: Sequence[Override] = ()

    @property
    def edit(self) -> Edit:
        """`--diff` wins: what is only to be seen is not written."""
        return Edit.SHOW if self.diff else Edit.WRITE if self.fix else Edit.NONE


def run_plainly(words: PlainWords) -> int | None:
    """The same for plain words; None when they are not what the command takes."""
    asked = words.options
    host, name = asked.get("--host"), asked.get("--stdin-filename")
    return run(
        Arguments(
            profiles=[Path(word) for word in words.operands],
            form=ReportFormat(asked.get("--format") or "text"),
            vllm=asked.get("--vllm"),
            since=asked.get("--since"),
            host=None if host is None else Path(host),
            strict="--strict" in asked,
            fix="--fix" in asked,
            diff="--diff" in asked,
            stdin_filename=None if name is None else Path(name),
        )
    )


def run(arguments: Arguments) -> int:
    """Check, tell, and return the exit code. Raises UsageFault for options that do not meet."""
    form, edit = arguments.form, arguments.edit
    if edit is Edit.SHOW and form in (ReportFormat.SARIF, ReportFormat.GITHUB):
        raise UsageFault(
            f"--diff does not go with --format {form}",
            hint="--format json carries the diff; SARIF carries every fix without it",
        )
    if sum(str(path) == "-" for path in arguments.profiles) > 1:
        raise UsageFault("standard input can be read once", hint="give `-` a single time")
    report = validate(_requests(arguments), strict=arguments.strict, edit=edit)
    _tell(report, arguments)
    return report.exit_code


def _requests(arguments: Arguments) -> list[Request]:
    return [
        Request(
            path=(arguments.stdin_filename or Path("<stdin>")) if str(path) == "-" else path,
            environ=os.environ,
            overrides=arguments.overrides,
            release=arguments.vllm,
            since=arguments.since,
            host=arguments.host,
            look=True,
            progress=Progress(),
            text=sys.stdin.buffer.read() if str(path) == "-" else None,
        )
        for path in arguments.profiles
    ]


def _tell(report: Report, arguments: Arguments) -> None:
    match arguments.form:
        case ReportFormat.JSON:
            print(json.dumps(report.as_json(), indent=2))
        case ReportFormat.SARIF:
            from mixvllm.services.validate.sarif import sarif

            print(json.dumps(sarif(report), indent=2))
        case ReportFormat.GITHUB:
            from mixvllm.cli.annotations import annotations

            print("".join(f"{line}\n" for line in annotations(report)), end="")
        case ReportFormat.TEXT:
            _Text(report, arguments).write()


class _Text:
    """The report for a person.

    Findings are the result, and go to standard output; unless what is written there is for
    a program: the edits (`--diff`), or standard input with its fixes (`--fix -`).
    """

    def __init__(self, report: Report, arguments: Arguments) -> None:
        self._report = report
        self._edit = arguments.edit
        self._filter = self._edit is Edit.WRITE and any(str(p) == "-" for p in arguments.profiles)
        self._machine = (
            "this machine" if arguments.host is None else f"the machine of {arguments.host}"
        )
        self._seconds = time.perf_counter() - BEGAN
        self._out = sys.stderr if self._filter or self._edit is Edit.SHOW else sys.stdout

    def write(self) -> None:
        """All of it."""
        for item in self._report.profiles:
            match item:
                case Failed():
                    print(f"error: {visible(str(item.fault))}", file=sys.stderr)
                    if item.fault.hint:
                        print(f"  {visible(item.fault.hint)}", file=sys.stderr)
                case Validated():
                    self._edits(item)
                    if self._edit is not Edit.SHOW:
                        self._findings(item.checked)
        self._next_step()
        self._total()

    def _total(self) -> None:
        """Of several profiles, how many have errors, or with `--strict` what counts as one."""
        number, failed = len(self._report.profiles), len(self._report.failed)
        if number < 2 or self._edit is Edit.SHOW:
            return
        strict = self._report.strict
        wrong = sum(bool(c.errors or (strict and c.warnings)) for c in self._report.checked)
        verb, what = "has" if wrong < 2 else "have", "errors or warnings" if strict else "errors"
        total = f"{wrong or 'none'} of {number} profiles {verb} {what}"
        print(f"{total}{f', {failed} could not be checked' if failed else ''}", file=self._out)

    def _edits(self, item: Validated) -> None:
        if item.mended is None:
            return
        if self._edit is Edit.SHOW:
            print_diff(item.mended.diff)
        elif item.mended.request.text is not None:
            sys.stdout.flush()
            sys.stdout.buffer.write(item.mended.mended)
            sys.stdout.buffer.flush()
        remaining = item.mended.after if self._edit is Edit.SHOW else item.checked
        fixed = len(item.mended.fixed)
        total = fixed + len(remaining.diagnostics)
        if total:
            verb = "would fix" if self._edit is Edit.SHOW else "fixed"
            path = visible(str(item.checked.resolved.path))
            findings = "finding" if total == 1 else "findings"
            print(f"{verb} {fixed} of {total} {findings} in {path}", file=self._out)

    def _findings(self, checked: Checked) -> None:
        path = visible(str(checked.resolved.path))
        found = checked.diagnostics
        if not found:
            print(f"{path} is valid for vLLM {checked.release} on {self._machine}", file=self._out)
            return
        show_findings(found[:_MOST], checked.resolved.texts_shown, stream=self._out)
        if len(found) > _MOST:
            print(f"and {len(found) - _MOST} more: {_by_code(found[_MOST:])}", file=self._out)
        notes = len(found) - checked.errors - checked.warnings
        count = count_in_words(checked.errors, checked.warnings, notes)
        verdict = "" if checked.errors else "valid, with "
        print(
            f"\n{verdict}{count} in {path}   vLLM {checked.release}, {self._machine}"
            f"   {self._seconds:.1f} s",
            file=self._out,
        )

    def _next_step(self) -> None:
        """Where more is told of the worst finding, and what would mend some of them."""
        found = [d for checked in self._report.checked for d in checked.diagnostics]
        if not found or self._edit is Edit.SHOW:
            return
        worst = min(found, key=lambda d: list(Severity).index(d.severity))
        step = f"`mixvllm explain {worst.page}` tells more"
        certain = sum(_is_certain(d, c) for c in self._report.checked for d in c.diagnostics)
        if certain and self._edit is Edit.NONE:
            all_, one = certain == len(found), len(found) == 1
            step += f"; --fix can mend {'it' if one else 'all' if all_ else f'{certain} of them'}"
        print(step, file=self._out)


def _by_code(found: Iterable[Diagnostic]) -> str:
    """``2948 MX100, 2 MX200``."""
    counts = Counter(d.code for d in found)
    return ", ".join(f"{count} {code}" for code, count in counts.most_common())


def _is_certain(found: Diagnostic, checked: Checked) -> bool:
    """Whether `--fix` would try its hand at it: in the profile itself, not in what it extends."""
    fix = found.fix
    return (
        fix is not None
        and fix.applicability is Applicability.SAFE
        and fix.span.path == checked.resolved.path
    )
