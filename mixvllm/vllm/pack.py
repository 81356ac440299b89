"""Fold the dumps of many vLLM releases into the one file mixvllm ships.

    python -m mixvllm.vllm.pack DUMPS mixvllm/vllm/releases.json.gz

DUMPS holds what `mixvllm.vllm.dump` wrote, one ``v*.json`` a release. With ``--keep``, releases the
file already knows and DUMPS lacks stay, so a new release needs no old dump. The same facts always
give the same bytes.

The file is a history, not a copy per release: each name has its spans ``[first, last, spec]``,
counted in releases. Options change little, so 24 releases take little more room than one, and
"added in", "removed in" and "default changed in" are read off directly.
"""

import argparse
import gzip
import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from mixvllm.vllm.classify import NOT_OPTIONS, Spec, name_of, option_spec
from mixvllm.vllm.declared import key_spec, variable_spec
from mixvllm.vllm.dump import FORMAT as DUMP_FORMAT
from mixvllm.vllm.dump import Json
from mixvllm.vllm.spans import folded

FORMAT: Final = 1
SECTIONS: Final = ("options", "variables", "keys")

# Classes vLLM puts into a JSON option itself: SpeculativeConfig.target_model_config and the like.
_INTERNAL = {"ModelConfig", "ParallelConfig"}

Facts: TypeAlias = dict[str, dict[str, Spec]]
"""Of one release: section, then name, then spec. Keys of config classes are ``Class.key``."""


def facts_of(dump: Mapping[str, Json]) -> Facts:
    """The facts of one dump. Raises ValueError for a dump of another format, NotClassified."""
    if dump.get("format") != DUMP_FORMAT:
        raise ValueError(f"a dump of format {dump.get('format')}; this packs format {DUMP_FORMAT}")
    configs = _mappings(dump["configs"])
    raw_options = dump["options"] if isinstance(dump["options"], list) else []
    options = {
        name_of(raw): option_spec(raw, configs)
        for raw in raw_options
        if isinstance(raw, dict) and raw["dest"] not in NOT_OPTIONS
    }
    keys = {
        f"{config}.{key}": key_spec(config, key, raw, configs)
        for config, fields in configs.items()
        for key, raw in _mappings(fields).items()
        if raw["init"] and not _INTERNAL & set(re.findall(r"\w+", str(raw["annotation"])))
    }
    return {
        "options": options,
        "variables": {
            name: variable_spec(raw) for name, raw in _mappings(dump["variables"]).items()
        },
        "keys": _reachable(keys, (spec.get("config") for spec in options.values())),
    }


def _reachable(keys: Mapping[str, Spec], roots: Iterable[Json]) -> dict[str, Spec]:
    """The keys of the classes that an option takes, directly or through another class."""
    waiting, seen = list(roots), set[Json]()
    while waiting:
        config = waiting.pop()
        if config not in seen:
            seen.add(config)
            waiting += [s.get("config") for key, s in keys.items() if key.startswith(f"{config}.")]
    return {key: spec for key, spec in keys.items() if key.partition(".")[0] in seen}


def _mappings(raw: Json) -> dict[str, dict[str, Json]]:
    inner = raw.items() if isinstance(raw, dict) else ()
    return {name: value for name, value in inner if isinstance(value, dict)}


def fold(facts: Mapping[str, Facts], *, spellings: list[str]) -> dict[str, Json]:
    """One table from the facts of every release."""
    releases = sorted(facts, key=_numbers)
    table: dict[str, Json] = {
        "format": FORMAT,
        "releases": list[Json](releases),
        "spellings": list[Json](spellings),
    }
    for section in SECTIONS:
        names = sorted({name for release in releases for name in facts[release][section]})
        table[section] = {
            name: [
                list[Json](span)
                for span in folded([facts[release][section].get(name) for release in releases])
            ]
            for name in names
        }
    return table


def unfold(table: Mapping[str, Json]) -> dict[str, Facts]:
    """The facts of every release again: the inverse of `fold`."""
    releases = [str(release) for release in _list(table["releases"])]
    facts: dict[str, Facts] = {
        release: {section: {} for section in SECTIONS} for release in releases
    }
    for section in SECTIONS:
        names = table[section]
        for name, spans in names.items() if isinstance(names, dict) else ():
            for first, last, spec in map(_list, _list(spans)):
                for index in range(_int(first), _int(last) + 1):
                    facts[releases[index]][section][name] = spec if isinstance(spec, dict) else {}
    return facts


def encode(table: Mapping[str, object]) -> bytes:
    """The file's bytes: no time stamp, sorted keys, so equal tables are equal files."""
    text = json.dumps(table, sort_keys=True, separators=(",", ":"))
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def decode(data: bytes) -> dict[str, Json]:
    """The inverse of `encode`. Raises ValueError for a file of another format."""
    table: dict[str, Json] = json.loads(gzip.decompress(data))
    if table.get("format") != FORMAT:
        raise ValueError(f"a packed file of format {table.get('format')}, not {FORMAT}")
    return table


def pack(folder: Path, out: Path, *, keep: bool = False) -> dict[str, Json]:
    """Read the dumps, write the file, return its table.

    Raises:
        ValueError: no dump there, a dump of another format, or dumps that measured different texts.
        NotClassified: a release has an option of a kind that is not known.
    """
    kept = decode(out.read_bytes()) if keep and out.exists() else None
    facts = unfold(kept) if kept else {}
    spellings = [_list(kept["spellings"])] if kept else []
    for path in sorted(folder.glob("v*.json")):
        dump: dict[str, Json] = json.loads(path.read_text(encoding="utf-8"))
        facts[str(dump["vllm"])] = facts_of(dump)
        spellings.append(_list(dump["spellings"]))
    if not spellings:
        raise ValueError(f"{folder} has no v*.json; mixvllm/vllm/dump.py writes them")
    if any(measured != spellings[0] for measured in spellings):
        raise ValueError("the dumps measured different texts for booleans; dump them all again")
    table = fold(facts, spellings=[str(text) for text in spellings[0]])
    out.write_bytes(encode(table))
    return table


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


def _list(raw: Json) -> list[Json]:
    return raw if isinstance(raw, list) else []


def _int(raw: Json) -> int:
    if not isinstance(raw, int):
        raise TypeError(f"{raw!r} is not an index")
    return raw


def counted(table: Mapping[str, object], sections: Iterable[str]) -> str:
    """``24 releases, 310 options``: how much a table holds."""
    counts = ((name, table[name]) for name in ("releases", *sections))
    return ", ".join(
        f"{len(held)} {name}" for name, held in counts if isinstance(held, list | dict)
    )


def main() -> None:
    """The command of the first line of this module."""
    parser = argparse.ArgumentParser(prog="python -m mixvllm.vllm.pack")
    parser.add_argument("dumps", type=Path, help="folder of v*.json")
    parser.add_argument("out", type=Path, help="the packed file")
    parser.add_argument("--keep", action="store_true", help="keep releases that OUT already has")
    chosen = parser.parse_args()
    table = pack(chosen.dumps, chosen.out, keep=chosen.keep)
    sys.stderr.write(f"{chosen.out}: {counted(table, SECTIONS)}\n")


if __name__ == "__main__":
    main()
