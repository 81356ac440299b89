"""Our verdict on a profile beside the real vLLM's, on two platforms.

A profile is put before `check` and, as the command line that we render of it, before vLLM
(`mixvllm.testing.agreement_judge`): on the CPU platform, and on the CUDA platform told of cards.

- A false alarm: we say error, and vLLM would start. None is allowed.
- A miss: we say nothing, and vLLM refuses. docs/agreement.md lists them.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from mixvllm.core.diagnostic import Severity
from mixvllm.rules.combinations import every_rule
from mixvllm.services.check import Checked, Request, check
from mixvllm.testing.agreement_asking import Verdict, VllmJudge
from mixvllm.testing.agreement_cases import Case
from mixvllm.vllm.argv import Inexpressible, render_value
from mixvllm.vllm.option import Option

# Errors of ours that are no word about vLLM: how a profile is written (MX0xx, MX1xx, MX230,
# MX231), that no command line can say it (MX251), what would be unsafe (MX6xx), what this machine
# has (MX4xx, MX8xx).
_NOT_OF_VLLM: Final = re.compile(r"MX([0134568]\d\d|230|231|251)")
# Refusals that speak of what is not here: a repository, a file, a package of Python; Triton, which
# the second model runner needs; memory that is mapped by CUDA, cards that have UUIDs.
_ELSEWHERE: Final = re.compile(
    r"offline|outgoing traffic|Repo id must|Invalid repository ID|No such file|not found on disk"
    r"|doesn't exist! Tried|Could not load logging config|must be installed|is required for"
    r"|Can't load|does not appear to have|requires Triton|Failed to import|requires the NIXL"
    r"|Model Runner V\d|cumem allocator|Non-integer device ID",
    re.IGNORECASE,
)
# Our errors that vLLM finds out itself, but not while it makes its configuration: why not. Rules
# across options name the file of vLLM that raises; most are of those below.
LATER: Final[Mapping[str, str]] = {
    r"MX716 ": "adapters are loaded when the engine runs",
    r"MX22[23] .*`(allowed-\w+|default-chat-template-kwargs)`": (
        "the API server is built after the engine"
    ),
    r"MX204 .*`(mm-|video-)": "checked for a model that takes images or video, which these do not",
    r"MX241 aligned-mamba-input": "checked for a model with Mamba layers, which these have not",
}
_OF_CONFIGURATION: Final = (
    *("config/", "engine/", "entrypoints/cli/", "entrypoints/launchers/cli_args.py"),
    *("entrypoints/launchers/dp_supervisor.py", "platforms/"),
)
_FILE: Final = re.compile(r"`([\w/]+\.py)`")


class Outcome(StrEnum):
    """How the two verdicts compare."""

    TAKEN = "both take it"
    REFUSED = "both refuse it"
    REFUSED_CUDA = "we and CUDA refuse it, the CPU takes it"
    LATER = "vLLM finds it later"
    NO_WORDS = "no command line says it"
    FALSE_ALARM = "false alarm"
    MISS = "missed"
    MISS_CUDA = "missed: CUDA alone refuses it"
    CPU_ONLY = "the CPU alone refuses it"
    UNKNOWN = "vLLM cannot say here"


AGREED: Final = {Outcome.TAKEN, Outcome.REFUSED, Outcome.REFUSED_CUDA}
MISSED: Final = {Outcome.MISS, Outcome.MISS_CUDA}


@dataclass(frozen=True, slots=True)
class Compared:
    """A case with both verdicts."""

    case: Case
    words: tuple[str, ...]
    found: tuple[str, ...]  # our errors that speak of vLLM: "MX240 auto-tool-choice: ..."
    outcome: Outcome
    cpu: Verdict
    cuda: Verdict

    @property
    def refusal(self) -> Verdict:
        """The verdict that names the reason."""
        return self.cuda if self.cuda.refused else self.cpu


class Comparison:
    """vLLM on both platforms, side by side. Use it in a ``with``: entering takes 20 to 60 s."""

    def __init__(self, python: str, models: Sequence[Path], folder: Path) -> None:
        self._python = python
        self._models = models
        self._folder = folder
        self._stack = ExitStack()
        self._judges: list[VllmJudge] = []
        self.release = ""

    def __enter__(self) -> Self:
        # One after the other: the second finds what the first has learned of the models.
        for platform in ("cpu", "cuda"):
            judge = VllmJudge(self._python, platform, self._models, self._folder)
            self._judges.append(self._stack.enter_context(judge))
            judge.wait()
            self.release = judge.release
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def compare(self, cases: Iterable[Case]) -> Iterator[Compared]:
        """The outcome of each case."""
        for case in cases:
            checked = self._checked(case)
            words, exact = words_of(checked)
            for judge in self._judges:
                judge.send(words, environment_of(checked))
            cpu, cuda = (judge.answer() for judge in self._judges)
            found = errors_of(checked)
            yield Compared(case, words, found, outcome_of(found, cpu, cuda, exact=exact), cpu, cuda)

    def _checked(self, case: Case) -> Checked:
        path = self._folder / "profile.yaml"
        environ = {"PATH": str(self._folder)}
        return check(Request(path, environ, release=self.release, text=case.text.encode()))


def errors_of(checked: Checked) -> tuple[str, ...]:
    """Our errors that say what vLLM would refuse."""
    return tuple(
        f"{d.code} {d.rule}: {d.message}"
        for d in checked.diagnostics
        if d.severity is Severity.ERROR and not _NOT_OF_VLLM.match(d.code)
    )


def environment_of(checked: Checked) -> dict[str, str]:
    """The profile's variables for vLLM."""
    asked = checked.resolved.value("vllm", "env")
    values = asked.items() if isinstance(asked, Mapping) else ()
    return {
        str(name): str(int(value)) if isinstance(value, bool) else str(value)
        for name, value in values
        if value is not None
    }


def is_later(error: str) -> bool:
    """Whether vLLM raises this one only after its configuration is made."""
    rule = error.partition(":")[0].partition(" ")[2]
    return any(re.match(sign, error) for sign in LATER) or rule in _rules_of_later()


@cache
def _rules_of_later() -> frozenset[str]:
    """The rules across options whose file of vLLM takes no part in the configuration."""
    later = set[str]()
    for rule, _ in every_rule():
        files = _FILE.findall(sys.modules[rule.check.__module__].__doc__ or "")
        if files and not any(file.startswith(_OF_CONFIGURATION) for file in files):
            later.add(rule.name)
    return frozenset(later)


def words_of(checked: Checked) -> tuple[tuple[str, ...], bool]:
    """The words behind ``vllm serve``, and whether they are what the profile says.

    Where no words are (MX251), those that a simple program would write.
    """
    words, exact = [str(checked.resolved.value("model", "name"))], True
    for setting in checked.facts.settings:
        option = setting.option
        try:
            words += () if option is None else render_value(option, setting.value)
        except Inexpressible:
            exact = False
            words += _simple(option, setting.name, setting.value)
        if option is None:
            words += _simple(None, setting.name, setting.value)
    return tuple(words), exact


def _simple(option: Option | None, name: str, value: object) -> list[str]:
    many = option is not None and option.many
    items = value if isinstance(value, list) and many else [value]
    texts = [json.dumps(i) if isinstance(i, dict | list) else str(i) for i in items]
    return [f"--{name}={texts[0]}"] if len(texts) == 1 else [f"--{name}", *texts]


def outcome_of(found: Sequence[str], cpu: Verdict, cuda: Verdict, *, exact: bool) -> Outcome:
    """What two verdicts of vLLM say of ours; ``exact``: the words are what the profile says."""
    taken, refused = cpu.taken or cuda.taken, cpu.refused or cuda.refused
    if not taken and (not refused or _ELSEWHERE.search(cpu.message + cuda.message)):
        return Outcome.UNKNOWN
    if not exact:
        return Outcome.NO_WORDS if taken else Outcome.REFUSED
    if found:
        if not taken:
            return Outcome.REFUSED
        if cuda.refused:
            return Outcome.REFUSED_CUDA
        return Outcome.LATER if all(map(is_later, found)) else Outcome.FALSE_ALARM
    if cuda.refused:
        return Outcome.MISS_CUDA if cpu.taken else Outcome.MISS
    return Outcome.CPU_ONLY if cpu.refused else Outcome.TAKEN
