"""The bad profiles: each has exactly the findings that are expected, where they are expected."""

import json
from pathlib import Path
from typing import Any

import pytest

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.core.origin import FileSpan
from mixvllm.services.check import Request, check

FOLDER = Path(__file__).parents[1] / "data" / "bad_profiles"
HOSTS = FOLDER.parent / "hosts"
CASES: list[dict[str, Any]] = json.loads((FOLDER / "expectations.json").read_text())["cases"]


def span(origin: object) -> tuple[int, ...]:
    assert isinstance(origin, FileSpan), origin
    return origin.line, origin.column, origin.end_line, origin.end_column


def expected_span(item: dict[str, Any]) -> tuple[int, ...]:
    return item["line"], item["col"], item["end_line"], item["end_col"]


def told(diagnostic: Diagnostic) -> str:
    fix = diagnostic.fix.text if diagnostic.fix else ""
    return " ".join((diagnostic.message, diagnostic.label, diagnostic.hint, fix))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_bad_profile_has_its_findings_and_no_others(case: dict[str, Any]) -> None:
    path = FOLDER / case["file"]
    environ = {"PATH": "", **case["context"].get("environ", {})}
    release, since = case["context"].get("vllm", "0.32.0"), case["context"].get("locked")
    cards = case["context"].get("gpus")  # "4x24GiB (indices 0-3)"
    host = HOSTS / f"{cards.split()[0]}.json" if cards else None
    result = check(Request(path, environ, release=release, since=since, host=host))
    expected = case["diagnostics"]
    assert [(d.code, d.severity.value, span(d.origin)) for d in result.diagnostics] == [
        (e["code"], e["severity"], expected_span(e)) for e in expected
    ]
    assert int(bool(result.errors)) == case["exit_code"]
    assert int(bool(result.errors or result.warnings)) == case["exit_code_strict"]
    for diagnostic, wanted in zip(result.diagnostics, expected, strict=True):
        for word in wanted.get("message_contains", ()):
            assert word in told(diagnostic)
        assert wanted.get("suggestion", "") in told(diagnostic)
        places = [span(item.origin) for item in diagnostic.related]
        assert places == [expected_span(item) for item in wanted.get("related", ())]
        if "file" in wanted:
            assert isinstance(diagnostic.origin, FileSpan)
            assert diagnostic.origin.path == FOLDER / wanted["file"]
