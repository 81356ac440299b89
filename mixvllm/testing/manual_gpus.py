"""The table of docs/commands.md: the cards of docs/json.md, as `mixvllm gpus` shows them."""

import json
from typing import Final

from mixvllm.cli.text.cells import written
from mixvllm.cli.text.gpus import gpu_lines
from mixvllm.cli.text.style import Paint
from mixvllm.gpu.saved import inventory_from_json
from mixvllm.testing.manual_page import ROOT, Page

_WIDTH: Final = 120


def document() -> object:
    """The inventory that docs/json.md shows: its block of JSON that was taken somewhere."""
    blocks = Page.read(ROOT / "docs" / "json.md").blocks("json")
    return json.loads(next(block.text for block in blocks if '"taken_at"' in block.text))


def table() -> str:
    """What a wide terminal shows of it."""
    lines = gpu_lines(inventory_from_json(document()), width=_WIDTH, seconds=0.031)
    text = "\n".join(written(line, Paint(on=False)) for line in lines)
    return f"```text\n{text}\n```\n"
