"""Write down which models each vLLM release can serve, and which names it knows, from vLLM's
sources alone.

    python -m mixvllm.vllm.pack_models mixvllm/vllm/models.json.gz [--transformers FOLDER] VLLM...

VLLM is the folder of a release's package, ``.../site-packages/vllm``, installed or only unpacked;
nothing of it is imported. Releases that the file already knows stay. FOLDER is a transformers
package: the newest one, because what it knows is never refused (the file keeps what earlier ones
knew).
"""

import argparse
import gzip
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from mixvllm.vllm.model_sources import facts_of, release_of, transformers_of
from mixvllm.vllm.name_sources import names_of
from mixvllm.vllm.pack import counted, encode
from mixvllm.vllm.sources import Facts, tree
from mixvllm.vllm.spans import folded, unfolded

FORMAT: Final = 1
SECTIONS: Final = (
    "architectures", "types", "no_float16", "tool-call-parser", "reasoning-parser",
    "quantization", "load-format", "attention-backend", "tokenizer-mode",
)  # fmt: skip


def fold(
    facts: Mapping[str, Facts], transformers: Mapping[str, Iterable[str]]
) -> dict[str, object]:
    """One table from the facts of every release: each name with its spans of releases."""
    releases = sorted(facts, key=lambda release: tuple(map(int, release.split("."))))
    table: dict[str, object] = {
        "format": FORMAT,
        "releases": releases,
        "transformers": {name: sorted(held) for name, held in transformers.items()},
    }
    for section in SECTIONS:
        names = sorted({name for release in releases for name in facts[release][section]})
        table[section] = {
            name: [
                list(span)
                for span in folded([facts[release][section].get(name) for release in releases])
            ]
            for name in names
        }
    return table


def unfold(table: Mapping[str, object]) -> dict[str, Facts]:
    """The facts of every release again: the inverse of `fold`."""
    return unfolded(table, SECTIONS)


def pack(packages: Iterable[Path], out: Path, transformers: Path | None) -> dict[str, object]:
    """Read the packages, write the file, return its table. Raises NotUnderstood."""
    kept = json.loads(gzip.decompress(out.read_bytes())) if out.exists() else {}
    facts = unfold(kept) if kept else {}
    known = {name: set(held) for name, held in kept.get("transformers", {}).items()}
    for name, held in ({} if transformers is None else transformers_of(transformers)).items():
        known.setdefault(name, set()).update(held)
    for package in packages:
        facts[release_of(package)] = facts_of(package) | names_of(package)
        tree.cache_clear()
    table = fold(facts, known)
    out.write_bytes(encode(table))
    return table


def main() -> None:
    """The command of the first line of this module."""
    parser = argparse.ArgumentParser(prog="python -m mixvllm.vllm.pack_models")
    parser.add_argument("out", type=Path, help="the packed file")
    parser.add_argument("packages", type=Path, nargs="+", metavar="VLLM", help="folder of a vLLM")
    parser.add_argument("--transformers", type=Path, metavar="FOLDER", help="its newest package")
    chosen = parser.parse_args()
    table = pack(chosen.packages, chosen.out, chosen.transformers)
    sys.stderr.write(f"{chosen.out}: {counted(table, SECTIONS)}\n")


if __name__ == "__main__":
    main()
