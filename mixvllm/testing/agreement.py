"""Compares our verdicts with the real vLLM's: ``python -m mixvllm.testing.agreement PYTHON MODEL``.

PYTHON has vLLM, MODEL is the folder of the small model (`nox -s demo` makes both, in .nox). With
``--write`` the outcome goes into docs/agreement.md; else it is printed. Exit 1: a false alarm.
"""

import argparse
import itertools
import random
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mixvllm.testing.agreement_cases import Case, combined, pages, single_options
from mixvllm.testing.agreement_compare import Compared, Comparison, Outcome
from mixvllm.testing.agreement_models import make_models
from mixvllm.testing.agreement_report import options as on_one_line
from mixvllm.testing.agreement_report import report
from mixvllm.testing.manual_page import ROOT
from mixvllm.vllm.options import options_of

PAGE: Final = ROOT / "docs" / "agreement.md"
_GENERATED: Final = re.compile(r"(?<=<!-- compared -->\n).*(?=<!-- /compared -->)", re.DOTALL)


def cases(release: str, models: dict[str, Path], *, combinations: int, seed: int) -> Iterator[Case]:
    """All values of all options, the pages' examples, and so many pairs and sets of options."""
    known = options_of(release)
    yield from single_options(known, models["dense"])
    for name in ("dense", "experts"):
        yield from pages(models[name])
    dice = random.Random(seed)  # noqa: S311 - chooses, and keeps no secret
    drawn = combined(known, [models["dense"], models["experts"]], dice)
    yield from itertools.islice(drawn, combinations)


def sample(release: str, models: dict[str, Path], count: int, seed: int) -> list[Case]:
    """So many of all these, as they come."""
    everything = list(cases(release, models, combinations=4 * count, seed=seed))
    return random.Random(seed).sample(everything, count)  # noqa: S311 - the same


def main() -> int:
    """Exit 1: a false alarm."""
    parser = argparse.ArgumentParser(prog="python -m mixvllm.testing.agreement")
    parser.add_argument("python", help="of the environment that has vLLM")
    parser.add_argument("model", type=Path, help="the folder of the small model")
    parser.add_argument("--combinations", type=int, default=4000, help="pairs and sets of options")
    parser.add_argument("--sample", type=int, help="only so many of all cases")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"into docs/{PAGE.name}")
    chosen = parser.parse_args()

    done: list[Compared] = []
    with tempfile.TemporaryDirectory() as name:
        models = make_models(chosen.model, Path(name))
        with Comparison(chosen.python, list(models.values()), Path(name)) as comparison:
            release = comparison.release
            if chosen.sample:
                tried = sample(release, models, chosen.sample, chosen.seed)
            else:
                tried = list(
                    cases(release, models, combinations=chosen.combinations, seed=chosen.seed)
                )
            for item in comparison.compare(tried):
                done.append(item)
                if len(done) % 500 == 0:
                    print(f"{len(done)} of {len(tried)}", file=sys.stderr)
    text = report(done, release).replace(name, "")
    if chosen.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(_GENERATED.sub(lambda _: f"\n{text}\n", page), encoding="utf-8")
    else:
        print(text, end="")
    alarms = [item for item in done if item.outcome is Outcome.FALSE_ALARM]
    for item in alarms:
        print(f"false alarm: {on_one_line(item)}: {'; '.join(item.found)}", file=sys.stderr)
    return int(bool(alarms))


if __name__ == "__main__":
    sys.exit(main())
