"""Every rule across options, before values it does not expect: it keeps silent, or speaks of what
is left, and never breaks.
"""

import json
from collections.abc import Iterator

import pytest
from ruamel.yaml import YAML

from mixvllm.rules.combinations import every_rule
from mixvllm.testing import manual_rules
from mixvllm.testing.manual_page import Page
from tests.rules.checking import checked

PAGES = manual_rules.combination_pages()
ODD: tuple[object, ...] = ("odd", None, {"odd": 1}, True)


def profile_of(name: str) -> object:
    """What is wrong on the page of a rule."""
    page = Page.read(PAGES[name])
    bad = next(block for block, found in manual_rules.examples(page) if found is not None)
    profile: object = YAML(typ="safe", pure=True).load(bad.text)
    return profile


def variants(node: object) -> Iterator[object]:
    """The same with one leaf taken out, or put in another way, in turn."""
    if not isinstance(node, dict):
        yield from ODD
        return
    for key, value in node.items():
        rest = {k: v for k, v in node.items() if k != key}
        yield rest
        for inner in variants(value):
            yield {**rest, key: inner}


@pytest.mark.parametrize("name", sorted(rule.name for rule, _ in every_rule()))
def test_no_value_breaks_a_rule(name: str) -> None:
    for odd in variants(profile_of(name)):
        checked(json.dumps(odd))
