"""The findings as SARIF 2.1.0 (OASIS, with errata 01), for code scanning services.

A finding is a result; its code is a rule, described by the code's own page. A profile that could
not be read is a notification of the invocation, which then was no success. What has no place in
a file (a variable, an option of the command line) has its name as logical location, and the
profile as physical one, because services refuse a result without a file.
"""

import re
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import quote

import mixvllm
from mixvllm.core.diagnostic import Diagnostic, Fix, Severity
from mixvllm.core.origin import CliFlag, EnvVar, FileSpan, Origin, dotted
from mixvllm.services.check import Checked
from mixvllm.services.page import find_page
from mixvllm.services.validate.ci_path import ci_path
from mixvllm.services.validate.report import Failed, Report

Json: TypeAlias = dict[str, object]

_SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_BASE: Final = "%SRCROOT%"
_LINK: Final = re.compile(r"\[([^\]\n]+)\]\([^)\s]+\)")
_FENCE: Final = re.compile(r"^```.*?^```\n?", re.MULTILINE | re.DOTALL)


def sarif(report: Report) -> Json:
    """The whole log: one run."""
    found = [(d, checked) for checked in report.checked for d in checked.diagnostics]
    rules = {d.code: d for d, _ in reversed(found)}
    codes = sorted(rules)
    run: Json = {
        "tool": {
            "driver": {
                "name": "mixvllm",
                "version": mixvllm.__version__,
                "rules": [_rule(rules[code]) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_BASE: {"description": _text("the folder that mixvllm ran in")}},
        "invocations": [
            {
                "executionSuccessful": not report.failed,
                "exitCode": report.exit_code,
                "toolExecutionNotifications": [_notification(item) for item in report.failed],
            }
        ],
        "results": [_result(d, checked, codes.index(d.code)) for d, checked in found],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(found: Diagnostic) -> Json:
    rule: Json = {"id": found.code}
    if found.rule and found.page == found.code:
        rule["name"] = found.rule
    page = find_page(found.code)
    if page is not None:
        text = _LINK.sub(r"\1", page.text)  # where they lead, only the manual knows
        first = _FENCE.sub("", text).strip().split("\n\n", 1)[0]
        rule["shortDescription"] = {"text": page.what}
        rule["fullDescription"] = {"text": " ".join(first.split())}
        rule["help"] = {"text": text, "markdown": text}
    return rule


def _result(found: Diagnostic, checked: Checked, index: int) -> Json:
    message = ": ".join(filter(None, (found.message, found.label or found.hint)))
    related = [_location(r.origin, checked, message=r.label) for r in found.related]
    properties = {"key": dotted(found.key), "rule": found.rule}
    result: Json = {
        "ruleId": found.code,
        "ruleIndex": index,
        "level": _LEVELS[found.severity],
        "message": _text(message),
        "locations": [_location(found.origin, checked)],
        "relatedLocations": [item | {"id": i} for i, item in enumerate(related)],
        "properties": {name: value for name, value in properties.items() if value},
    }
    if found.fix is not None:
        result["fixes"] = [_fix(found.fix, found.label)]
    return result


def _location(origin: Origin, checked: Checked, *, message: str = "") -> Json:
    location: Json = {"message": _text(message)} if message else {}
    match origin:
        case FileSpan():
            physical: Json = {"artifactLocation": _file(origin.path), "region": _region(origin)}
        case other:
            physical = {
                "artifactLocation": _file(checked.resolved.path), "region": {"startLine": 1},
            }  # fmt: skip
            location["logicalLocations"] = [_logical(other)]
    return location | {"physicalLocation": physical}


def _logical(origin: Origin) -> Json:
    match origin:
        case EnvVar(name):
            return {"name": name, "kind": "environment variable"}
        case CliFlag(name):
            return {"name": name, "kind": "command line option"}
        case other:
            return {"name": str(other), "kind": "default"}


def _region(span: FileSpan) -> Json:
    return {
        "startLine": span.line, "startColumn": span.column,
        "endLine": span.end_line, "endColumn": span.end_column,
    }  # fmt: skip


def _fix(fix: Fix, label: str) -> Json:
    replacement = {
        "deletedRegion": _region(fix.span), "insertedContent": {"text": fix.text},
    }  # fmt: skip
    return {
        "description": _text(label or "as the message says"),
        "artifactChanges": [
            {"artifactLocation": _file(fix.span.path), "replacements": [replacement]}
        ],
        "properties": {"applicability": fix.applicability.value},
    }


def _notification(item: Failed) -> Json:
    message = ": ".join(filter(None, (str(item.fault), item.fault.hint)))
    place = {"physicalLocation": {"artifactLocation": _file(item.request.path)}}
    return {"level": "error", "message": _text(message), "locations": [place]}


def _file(path: Path) -> Json:
    here = ci_path(path)
    encoded = quote(here.encode("utf-8", "surrogateescape"))
    return {"uri": f"file://{encoded}"} if here[0] == "/" else {"uri": encoded, "uriBaseId": _BASE}


def _text(text: str) -> Json:
    """A message: braces and links mean something in one, and are none here (3.11.5, 3.11.6)."""
    return {"text": text.replace("{", "{{").replace("}", "}}").replace("](", "] (")}
