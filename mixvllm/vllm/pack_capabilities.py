"""Write down what each vLLM release can do on which card, from vLLM's sources alone.

    python -m mixvllm.vllm.pack_capabilities mixvllm/vllm/capabilities.json.gz VLLM...

VLLM is the folder of a release's package, ``.../site-packages/vllm``, installed or only unpacked;
nothing of it is imported. Releases that the file already knows stay. A release takes 15 s.
"""

import argparse
import gzip
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from mixvllm.vllm.capability_sources import BLOCKS, CARDS, HEADS, Facts, Json, capabilities_of
from mixvllm.vllm.model_sources import release_of
from mixvllm.vllm.pack import counted, encode
from mixvllm.vllm.sources import tree
from mixvllm.vllm.spans import folded, unfolded

FORMAT: Final = 1
SECTIONS: Final = ("methods", "schemes", "backends", "priorities", "dtypes")
# What stands for "there is a name, and nothing is known of it": a span's None is a gap.
_NOTHING: Final = "nothing known"


def fold(facts: Mapping[str, Facts]) -> dict[str, object]:
    """One table from the facts of every release."""
    releases = sorted(facts, key=lambda release: tuple(map(int, release.split("."))))
    table: dict[str, object] = {
        "format": FORMAT,
        "releases": releases,
        "cards": [f"{card.major}.{card.minor}" for card in CARDS],
        "heads": list(HEADS),
        "blocks": list(BLOCKS),
    }
    for section in SECTIONS:
        names = sorted({name for release in releases for name in facts[release][section]})
        table[section] = {name: _spans(facts, releases, section, name) for name in names}
    return table


def _spans(
    facts: Mapping[str, Facts], releases: Iterable[str], section: str, name: str
) -> list[tuple[int, int, object]]:
    held = [_marked(facts[release][section], name) for release in releases]
    return [(first, last, None if spec == _NOTHING else spec) for first, last, spec in folded(held)]


def _marked(section: Mapping[str, Json], name: str) -> Json:
    return _NOTHING if name in section and section[name] is None else section.get(name)


def unfold(table: Mapping[str, object]) -> dict[str, Facts]:
    """The facts of every release again: the inverse of `fold`."""
    return unfolded(table, SECTIONS)


def pack(packages: Iterable[Path], out: Path) -> dict[str, object]:
    """Read the packages, write the file, return its table. Raises NotUnderstood."""
    facts = unfold(json.loads(gzip.decompress(out.read_bytes()))) if out.exists() else {}
    for package in packages:
        facts[release_of(package)] = capabilities_of(package)
        tree.cache_clear()
    table = fold(facts)
    out.write_bytes(encode(table))
    return table


def main() -> None:
    """The command of the first line of this module."""
    parser = argparse.ArgumentParser(prog="python -m mixvllm.vllm.pack_capabilities")
    parser.add_argument("out", type=Path, help="the packed file")
    parser.add_argument("packages", type=Path, nargs="+", metavar="VLLM", help="folder of a vLLM")
    chosen = parser.parse_args()
    table = pack(chosen.packages, chosen.out)
    sys.stderr.write(f"{chosen.out}: {counted(table, SECTIONS)}\n")


if __name__ == "__main__":
    main()
