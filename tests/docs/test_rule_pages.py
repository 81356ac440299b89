"""A page for each code, and each page in the same form."""

from pathlib import Path

import pytest

from mixvllm.rules.combinations import every_rule
from mixvllm.testing import manual_rules
from mixvllm.testing.manual_page import Page

COMBINATIONS = manual_rules.combination_pages()
PAGES = {**manual_rules.pages(), **COMBINATIONS}
RULES = {rule.name: (rule, options) for rule, options in every_rule()}


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert set(manual_rules.pages()) == manual_rules.codes()


def test_every_rule_across_options_has_a_page_and_every_such_page_a_rule() -> None:
    assert set(COMBINATIONS) == set(RULES)
    assert len(RULES) == len(list(every_rule()))


@pytest.mark.parametrize("name", COMBINATIONS)
def test_the_page_of_a_rule_across_options_shows_that_rule(name: str) -> None:
    page, (rule, options) = Page.read(COMBINATIONS[name]), RULES[name]
    told = manual_rules.told_by(page)
    assert (told.code, told.rule) == (rule.code, name)
    shown = [p for p, found in manual_rules.examples(page) if found is not None]
    assert any(
        found.rule == name for profile in shown for found in manual_rules.checked(profile, page)
    )
    assert any(option in page.text for option in options)
    assert rule.check.__module__.rpartition(".")[2].replace("_", "-") == name


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_its_own_finding(name: str) -> None:
    page = Page.read(PAGES[name])
    told = manual_rules.told_by(page)
    assert name in (told.code, told.rule)
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
