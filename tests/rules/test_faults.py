"""The faults of tests/data/faults: each has exactly the findings that are drawn below its lines."""

import json
from pathlib import Path

import pytest

from tests.rules.marked import FOLDER, Case, cases, marks, told

PAGES = Path(__file__).parents[2] / "docs" / "rules"
CASES = [(path.stem, case) for path in sorted(FOLDER.glob("*.txt")) for case in cases(path)]


@pytest.mark.parametrize("case", [c for _, c in CASES], ids=[f"{f}-{c.name}" for f, c in CASES])
def test_a_fault_has_the_findings_that_are_drawn(case: Case, tmp_path: Path) -> None:
    found = sorted(marks(case.checked(tmp_path).diagnostics, tmp_path), key=lambda pair: pair[0])
    assert [mark for mark, _ in found] == sorted(case.marks)
    for wanted, (mark, diagnostic) in zip(sorted(case.marks), found, strict=True):
        if mark.is_label:
            continue
        for word in wanted.words:
            assert word in told(diagnostic)
        assert wanted.fix == (diagnostic.fix.text if diagnostic.fix else None)


def test_no_two_cases_have_one_name_or_one_text() -> None:
    assert len({case.name for _, case in CASES}) == len(CASES)
    texts = [str((case.files, sorted(case.settings.items()))) for _, case in CASES]
    assert len(set(texts)) == len(CASES)


def test_every_code_is_in_the_corpus_or_shown_on_its_page() -> None:
    shared = json.loads((FOLDER.parent / "bad_profiles" / "expectations.json").read_text())
    held = {mark.code for _, case in CASES for mark in case.marks}
    held |= {found["code"] for case in shared["cases"] for found in case["diagnostics"]}
    for page in sorted(PAGES.glob("MX*.md")):
        text = page.read_text(encoding="utf-8")
        assert page.stem in held or f"[{page.stem}]" in text, page.stem
