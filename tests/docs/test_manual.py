"""What the manual shows is what happens. `python -m mixvllm.testing.manual` writes it again."""

import json
import re
from pathlib import Path

import pytest

from mixvllm.cli.run.gpus import document
from mixvllm.gpu.saved import inventory_from_json
from mixvllm.testing import manual, manual_gpus
from mixvllm.testing.manual_page import ROOT, Page
from mixvllm.testing.manual_settings import IDLE

PAGES = manual.pages()
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_page_is_as_it_would_be_written_now(path: Path) -> None:
    lines = list(manual.difference(path))
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    broken = [link for link in _LINK.findall(path.read_text()) if not (path.parent / link).exists()]
    assert not broken


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_json_is_json(path: Path) -> None:
    for block in Page.read(path).blocks("json"):
        json.loads(block.text)


def test_the_inventory_in_the_manual_has_exactly_the_keys_that_are_written() -> None:
    shown = manual_gpus.document()
    assert document(inventory_from_json(shown), None) == shown


@pytest.mark.parametrize("key", IDLE)
def test_a_key_that_is_said_to_do_nothing_is_read_by_nobody(key: str) -> None:
    word = key.rpartition(".")[2]
    readers = [
        name_of(path)
        for path in (ROOT / "mixvllm").rglob("*.py")
        if word in path.read_text() and path.parent.name != "testing"
    ]
    lists = {"cli/shells/words.py", "settings/declared.py", "settings/schema.py"}
    assert set(readers) == {f"mixvllm/{name}" for name in lists}


@pytest.mark.parametrize("picture", sorted((ROOT / "docs" / "images").iterdir()), ids=name_of)
def test_a_picture_asks_nobody_for_anything(picture: Path) -> None:
    text = picture.read_text()
    assert "<text" in text
    for asks in ("@font-face", "url(http", "@import", "href=", "<image", "<script"):
        assert asks not in text
