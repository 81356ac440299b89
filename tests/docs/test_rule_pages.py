"""A page for each code, and each page in the same form."""

from pathlib import Path

import pytest

from mixvllm.testing import manual_rules
from mixvllm.testing.manual_page import Page

PAGES = manual_rules.pages()


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert set(PAGES) == manual_rules.codes()


@pytest.mark.parametrize("code", PAGES)
def test_a_page_shows_its_own_finding(code: str) -> None:
    page = Page.read(PAGES[code])
    assert manual_rules.title_of(page)[0] == code
    assert manual_rules.severity_of(page) is not None


@pytest.mark.parametrize("code", PAGES)
def test_the_remedy_leaves_nothing_to_find(code: str) -> None:
    page = Page.read(PAGES[code])
    for profile, shown in manual_rules.examples(page):
        if shown is None:
            assert manual_rules.findings(profile, page) == ""


def test_examples_are_pairs_of_what_is_wrong_and_what_is_found(tmp_path: Path) -> None:
    path = tmp_path / "MX999.md"
    path.write_text(
        '# MX999: t\n\n```yaml title="base.yaml"\na: 1\n```\n\n'
        "```yaml\nb: 1\n```\n\n```text\nfound\n```\n\n```yaml\nc: 1\n```\n"
    )
    page = Page.read(path)
    pairs = [(a.text, b and b.text) for a, b in manual_rules.examples(page)]
    assert pairs == [("b: 1\n", "found\n"), ("c: 1\n", None)]
    assert page.files() == {"base.yaml": "a: 1\n"}
