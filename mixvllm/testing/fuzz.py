"""Breeds bad profiles for some minutes: ``python -m mixvllm.testing.fuzz FOLDER... [FILE...]``.

Seeds are the profiles in the folders. What breaks `validate`, or takes it longer than its limit,
is written to a file below ``--out``, to be given back as an argument and kept as a test.
"""

import argparse
import resource
import sys
import time
import traceback
from pathlib import Path
from random import Random
from typing import Final

from mixvllm.testing.hostile import bred, judged

SECONDS: Final = 2.0  # of processor time for one text; `validate` promises one on a free machine
MEMORY_MB: Final = 150


def fault_of(raw: bytes) -> str | None:
    """In words, what is wrong with how these bytes were taken; None where nothing is."""
    start = time.process_time()
    try:
        judged(raw)
    except Exception:  # noqa: BLE001 - any at all is what is looked for
        return traceback.format_exc()
    taken = time.process_time() - start
    return f"took {taken:.1f} s" if taken > SECONDS else None


def main() -> int:
    """Exit 1: something was found."""
    parser = argparse.ArgumentParser(prog="python -m mixvllm.testing.fuzz")
    parser.add_argument("seeds", nargs="+", type=Path, help="folders of profiles, or files")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    parser.add_argument("--out", type=Path, default=Path("fuzz-found"))
    asked = parser.parse_args()
    paths = [p for one in asked.seeds for p in (sorted(one.rglob("*")) if one.is_dir() else [one])]
    seeds = [path.read_bytes() for path in paths if path.is_file()]
    random, found, tried = Random(asked.seed), 0, 0  # noqa: S311 - guards nothing
    end = time.monotonic() + 60 * asked.minutes
    print(f"seed {asked.seed}, {len(seeds)} profiles")
    texts = iter(seeds)
    while time.monotonic() < end:
        raw = next(texts, None) or bred(seeds, random)
        tried += 1
        fault = fault_of(raw)
        if fault is None:
            continue
        found += 1
        asked.out.mkdir(parents=True, exist_ok=True)
        path = asked.out / f"{asked.seed}-{tried}.yaml"
        path.write_bytes(raw)
        print(f"{path}: {fault}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
    print(f"{tried} texts, {found} found, {peak} MB at most")
    return int(bool(found) or peak > MEMORY_MB)


if __name__ == "__main__":
    sys.exit(main())
