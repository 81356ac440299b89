"""Writes down again what the manual shows of the tool: ``python -m mixvllm.testing.manual``.

The findings on the pages of docs/rules/, the output of every ``console`` block, the tables of
settings and events. What changed is in `git diff`, for a person to judge; ``--check`` changes
nothing and prints the difference. tests/docs fails while there is one.
"""

import argparse
import difflib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from mixvllm.cli.commands import help_text
from mixvllm.testing import (
    manual_capabilities,
    manual_events,
    manual_gpus,
    manual_init,
    manual_metrics,
    manual_rules,
    manual_settings,
    memory_grades,
)
from mixvllm.testing.manual_console import played
from mixvllm.testing.manual_page import ROOT, Page

REGIONS: Final[dict[str, Callable[[], str]]] = {
    "settings": manual_settings.tables,
    "events": manual_events.table,
    "codes": manual_rules.index,
    "combinations": manual_rules.combinations,
    "gpus": manual_gpus.table,
    "cards": manual_metrics.table,
    "init": manual_init.profile,
    "methods": manual_capabilities.methods,
    "backends": manual_capabilities.backends,
    "caches": manual_capabilities.caches,
    **memory_grades.regions(),
    "commands": lambda: f"```text\n{help_text()}```\n",
}


def written(path: Path) -> str:
    """The page at ``path`` as it should be."""
    page = Page.read(path)
    if manual_rules.FOLDER in path.parents:
        shown = [
            (block, manual_rules.findings(profile, page))
            for profile, block in manual_rules.examples(page)
            if block is not None
        ]
        page = Page(path, page.with_texts(shown))
    if page.blocks("console"):
        page = Page(path, played(page))
    return page.with_regions(REGIONS)


def pages() -> tuple[Path, ...]:
    """All that a reader sees: the README and its companions, and docs/."""
    return (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))


def difference(path: Path) -> Iterator[str]:
    """What is not as it should be, as lines of a diff."""
    name = str(path.relative_to(ROOT))
    before = path.read_text(encoding="utf-8").splitlines()
    return difflib.unified_diff(before, written(path).splitlines(), name, name, lineterm="")


def main() -> int:
    """Exit 1: something was (or with ``--check``, is) out of date."""
    parser = argparse.ArgumentParser(prog="python -m mixvllm.testing.manual")
    parser.add_argument("pages", nargs="*", type=Path, help="only these; default: all")
    parser.add_argument("--check", action="store_true", help="change nothing")
    options = parser.parse_args()

    changed = 0
    for path in [page.resolve() for page in options.pages] or pages():
        lines = list(difference(path))
        if lines:
            changed += 1
            print("\n".join(lines))
            if not options.check:
                path.write_text(written(path), encoding="utf-8")
    print(f"{changed} pages {'differ' if options.check else 'written'}", file=sys.stderr)
    return int(changed > 0)


if __name__ == "__main__":
    sys.exit(main())
