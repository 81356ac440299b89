"""Compares what we say of cards with the real vLLM:
``python -m mixvllm.testing.agreement_capabilities PYTHON``.

PYTHON has vLLM (`nox -s demo` makes one, in .nox). Every method of quantisation with every data
type, and every attention backend, named or left to vLLM, with every type of KV cache, for three
models, on each of eleven cards. With ``--write`` the outcome goes into docs/capabilities.md, else
it is printed; ``--sample N`` tries so many of them. Exit 1: a false alarm.
"""

import argparse
import json
import os
import random
import re
import subprocess  # noqa: TID251 - the other side is a Python that has vLLM
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

from mixvllm.core.diagnostic import Severity
from mixvllm.gpu.inventory import Gpu, GpuInventory
from mixvllm.rules import of_the_cards
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.model import float32_quantization
from mixvllm.services.check import Request, check
from mixvllm.testing.manual_page import ROOT
from mixvllm.testing.small_checkpoint import write_checkpoint
from mixvllm.vllm.capabilities import DTYPES, Capability, capabilities
from mixvllm.vllm.options import options_of

PAGE: Final = ROOT / "docs" / "capabilities.md"
CARDS: Final[Sequence[Capability]] = (
    (6, 0), (7, 0), (7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (10, 0), (10, 3), (12, 0), (12, 1),
)  # fmt: skip
# Three models: heads of 128, heads of 80, latent attention; each with its width in the KV cache.
MODELS: Final[Mapping[str, tuple[Mapping[str, object], int]]] = {
    "heads of 128": ({"hidden_size": 2048, "num_attention_heads": 16}, 128),
    "heads of 80": ({"hidden_size": 1280, "num_attention_heads": 16}, 80),
    "latent attention": (
        {"model_type": "deepseek_v3", "architectures": ["DeepseekV3ForCausalLM"],
         "kv_lora_rank": 512, "qk_rope_head_dim": 64}, 576,
    ),
}  # fmt: skip
_JUDGE: Final = Path(__file__).with_name("capability_judge.py")
_LIMIT: Final = 1500.0  # seconds for all cards, on a busy machine
_ENVIRONMENT: Final = {
    "VLLM_LOGGING_LEVEL": "ERROR", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}  # fmt: skip
_GENERATED: Final = re.compile(r"(?<=<!-- compared -->\n).*(?=<!-- /compared -->)", re.DOTALL)

Question: TypeAlias = list[str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Case:
    """A question for vLLM, and the profile that asks us the same."""

    kind: str  # a row of the table
    question: Question
    model: str
    args: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """A case on one card: what vLLM said ("" is taken), and the codes of our errors."""

    case: Case
    card: Capability
    theirs: str
    ours: tuple[str, ...]

    @property
    def outcome(self) -> str:
        """In the words of the table."""
        if self.theirs.startswith("?"):
            return "cannot be judged"
        if self.theirs:
            return "both refuse it" if self.ours else "missed"
        return "false alarm" if self.ours else "both take it"


OUTCOMES: Final = (
    "both take it", "both refuse it", "missed", "false alarm", "cannot be judged",
)  # fmt: skip


def cases(release: str) -> Iterator[Case]:
    """All of them."""
    able = capabilities(release)
    assert able is not None
    for method in able.methods:
        for dtype in DTYPES:
            lines = (
                f"dtype: {dtype}",
                f"quantization: {method}",
                "allow-deprecated-quantization: true",
            )
            yield Case("methods of quantisation", ["method", method, dtype], "heads of 128", lines)
    option = options_of(release).find("kv-cache-dtype")
    kinds = [str(choice) for choice in (option.choices if option else None) or ()]
    for name in (None, *able.backends):
        for model, (_, head) in MODELS.items():
            for kv in kinds:
                for dtype in DTYPES:
                    named = () if name is None else (f"attention-backend: {name}",)
                    lines = (f"dtype: {dtype}", f"kv-cache-dtype: {kv}", *named)
                    mla = model == "latent attention"
                    row = "types of KV cache" if name is None else "attention backends"
                    yield Case(row, ["backend", name, kv, dtype, head, None, mla], model, lines)


def theirs(python: str, tried: Sequence[Case], folder: Path) -> tuple[str, list[list[str]]]:
    """vLLM's release, and for each card its answers."""
    words = [python, "-P", str(_JUDGE), *(f"{major}.{minor}" for major, minor in CARDS)]
    with (folder / "judge.log").open("wb") as said:
        done = subprocess.run(
            words, input=json.dumps([case.question for case in tried]) + "\n", text=True,
            stdout=subprocess.PIPE, stderr=said, cwd=folder, env={**os.environ, **_ENVIRONMENT},
            timeout=_LIMIT, check=True,
        )  # fmt: skip
    hello, *answers = done.stdout.splitlines()
    return str(json.loads(hello)["vllm"]), [json.loads(line) for line in answers]


def release_of(python: str, folder: Path) -> str:
    """The release that a Python has."""
    return theirs(python, [], folder)[0]


def ours(case: Case, folder: Path, release: str) -> list[tuple[str, ...]]:
    """The codes of our errors about a case, for each card."""
    lines = "".join(f"    {line}\n" for line in case.args)
    text = f"model: {folder / case.model.replace(' ', '-')}\nvllm:\n  args:\n{lines}"
    request = Request(Path("profile.yaml"), {"PATH": ""}, release=release, text=text.encode())
    facts = check(request).facts
    rules = [rule for rule in of_the_cards() if rule.code >= "MX420"]
    return [_errors(_on(facts, card), [*rules, float32_quantization.RULE]) for card in CARDS]


def _on(facts: Facts, card: Capability) -> Facts:
    gpu = Gpu(0, compute_capability=card)
    return replace(facts, inventory=GpuInventory(None, None, (gpu,), ()), distribution=None)


def _errors(facts: Facts, rules: Sequence[Rule]) -> tuple[str, ...]:
    found = (d for rule in rules for d in rule.check(facts))
    return tuple(d.code for d in found if d.severity is Severity.ERROR)


def compare(
    python: str, folder: Path, *, count: int | None, seed: int
) -> tuple[str, list[Compared]]:
    """vLLM's release, and every case on every card; with ``count``, so many cases."""
    for name, (config, _) in MODELS.items():
        write_checkpoint(folder / name.replace(" ", "-"), **config)
    empty = folder / "empty"
    empty.mkdir()
    release = release_of(python, empty)
    tried = list(cases(release))
    if count is not None:
        tried = random.Random(seed).sample(tried, count)  # noqa: S311 - chooses, keeps no secret
    _, answers = theirs(python, tried, empty)
    done = [
        Compared(case, card, answers[i][j], codes)
        for j, case in enumerate(tried)
        for i, (card, codes) in enumerate(zip(CARDS, ours(case, folder, release), strict=True))
    ]
    return release, done


def report(release: str, done: Sequence[Compared]) -> str:
    """The generated part of the page."""
    counts = Counter(item.outcome for item in done)
    judged = len(done) - counts["cannot be judged"]
    agreed = counts["both take it"] + counts["both refuse it"]
    lines = [
        f"vLLM {release}, {len(done):,} questions. Of {counts['cannot be judged']:,} a build for"
        " CPUs cannot judge, for want of a kernel.",
        "",
        f"Of the other {judged:,} the verdicts agree on {agreed:,} ({agreed / max(judged, 1):.1%})."
        f" **False alarms: {counts['false alarm']}.**",
        "",
        f"| what was tried | questions | {' | '.join(OUTCOMES)} |",
        f"|---|---|{'---|' * len(OUTCOMES)}",
    ]
    for kind in (*dict.fromkeys(item.case.kind for item in done), None):
        held = Counter(i.outcome for i in done if kind is None or i.case.kind == kind)
        cells = " | ".join(f"{held[outcome]:,}" for outcome in OUTCOMES)
        lines.append(f"| {kind or '**all**'} | {held.total():,} | {cells} |")
    missed = Counter(_missed(item) for item in done if item.outcome == "missed")
    unjudged = Counter(_missed(item) for item in done if item.outcome == "cannot be judged")
    for title, found in (("Missed", missed), ("What this build cannot judge", unjudged)):
        lines += ["", f"### {title}", ""]
        lines += ["| questions | of | what vLLM says |", "|---|---|---|"] if found else ["Nothing."]
        lines += [f"| {n} | {what} | {why} |" for (what, why), n in found.most_common()]
    return "\n".join(lines) + "\n"


def _missed(item: Compared) -> tuple[str, str]:
    text = re.sub(r"AttentionBackendEnum\.", "", item.theirs).replace("|", "\\|").replace("`", "'")
    name = str(item.case.question[1] or "left to vLLM")
    text = re.sub(r"\(?\w*(=[\w.\[\]]+)?, ?dtype=.*", "...", text)  # what was asked
    return name, re.sub(r"\s+", " ", text.removeprefix("? "))[:120]


def main() -> int:
    """Exit 1: a false alarm."""
    parser = argparse.ArgumentParser(prog="python -m mixvllm.testing.agreement_capabilities")
    parser.add_argument("python", help="of the environment that has vLLM")
    parser.add_argument("--sample", type=int, help="only so many questions, each on every card")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"into docs/{PAGE.name}")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        release, done = compare(chosen.python, Path(name), count=chosen.sample, seed=chosen.seed)
    text = report(release, done)
    if chosen.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(_GENERATED.sub(lambda _: f"\n{text}\n", page), encoding="utf-8")
    else:
        print(text, end="")
    alarms = [item for item in done if item.outcome == "false alarm"]
    for item in alarms:
        print(f"false alarm: {item.card} {item.case.args}: {item.ours}", file=sys.stderr)
    return int(bool(alarms))


if __name__ == "__main__":
    sys.exit(main())
