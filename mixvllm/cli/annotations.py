"""The findings as workflow commands of GitHub Actions, which shows them beside the lines.

The runner reads a command from every line of the log that begins with ``::``. So nothing that
stands in a profile, in its name or in a variable may begin a line: line ends and the signs that
divide a command are written as the runner's own escapes.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.cli.streams import visible
from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import FileSpan
from mixvllm.services.validate.ci_path import ci_path
from mixvllm.services.validate.report import Report

_COMMANDS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_DATA: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY: Final = _DATA | str.maketrans({":": "%3A", ",": "%2C"})


def annotations(report: Report) -> Iterator[str]:
    """A line for each finding, and for each profile that could not be read."""
    for failed in report.failed:
        words = filter(None, (str(failed.fault), failed.fault.hint))
        yield _line("error", {"title": "mixvllm"}, ": ".join(words))
    for checked in report.checked:
        for found in checked.diagnostics:
            yield _annotation(found)


def _annotation(found: Diagnostic) -> str:
    properties: dict[str, str] = {}
    message = ": ".join(filter(None, (found.message, found.label or found.hint)))
    match found.origin:
        case FileSpan(path, line, column, end_line, end_column):
            properties = {"file": ci_path(path), "line": str(line)}
            if line == end_line:  # columns are those of one line
                properties |= {"col": str(column), "endLine": str(line)}
                properties |= {"endColumn": str(end_column)}
            else:
                properties |= {"endLine": str(end_line)}
        case other:
            message = f"{other}: {message}"
    return _line(_COMMANDS[found.severity], properties | {"title": found.code}, message)


def _line(command: str, properties: dict[str, str], message: str) -> str:
    told = ",".join(
        f"{name}={visible(value).translate(_PROPERTY)}" for name, value in properties.items()
    )
    return f"::{command} {told}::{visible(message).translate(_DATA)}"
