"""Our verdicts and the real vLLM's agree; and how that is counted."""

import os
from pathlib import Path

import pytest

from mixvllm.testing.agreement import cases, sample
from mixvllm.testing.agreement_asking import Verdict, VllmJudge
from mixvllm.testing.agreement_cases import Case
from mixvllm.testing.agreement_compare import Compared, Comparison, Outcome, is_later, outcome_of
from mixvllm.testing.agreement_models import make_models
from mixvllm.testing.agreement_report import options, pattern, report

VLLM_PYTHON = os.environ.get("TEST_VLLM_PYTHON", "")
MODEL = os.environ.get("TEST_MODEL", "")
TAKEN, REFUSED, UNKNOWN = Verdict("taken"), Verdict("refused", "no"), Verdict("unknown")
ELSEWHERE = Verdict("refused", "We couldn't connect: offline mode is enabled")
ERROR = ("MX203 not-a-choice: `dtype` does not take `fp16`",)


@pytest.mark.parametrize(
    ("found", "cpu", "cuda", "outcome"),
    [
        ((), TAKEN, TAKEN, Outcome.TAKEN),
        ((), TAKEN, UNKNOWN, Outcome.TAKEN),
        ((), REFUSED, REFUSED, Outcome.MISS),
        ((), TAKEN, REFUSED, Outcome.MISS_CUDA),
        ((), REFUSED, TAKEN, Outcome.CPU_ONLY),
        ((), REFUSED, UNKNOWN, Outcome.CPU_ONLY),
        ((), UNKNOWN, UNKNOWN, Outcome.UNKNOWN),
        ((), ELSEWHERE, ELSEWHERE, Outcome.UNKNOWN),
        (ERROR, REFUSED, REFUSED, Outcome.REFUSED),
        (ERROR, REFUSED, UNKNOWN, Outcome.REFUSED),
        (ERROR, TAKEN, REFUSED, Outcome.REFUSED_CUDA),
        (ERROR, TAKEN, TAKEN, Outcome.FALSE_ALARM),
        (ERROR, REFUSED, TAKEN, Outcome.FALSE_ALARM),
        (ERROR, TAKEN, UNKNOWN, Outcome.FALSE_ALARM),
        (("MX716 adapter: no folder",), TAKEN, TAKEN, Outcome.LATER),
        (("MX716 adapter: no folder", *ERROR), TAKEN, TAKEN, Outcome.FALSE_ALARM),
    ],
)
def test_what_two_verdicts_come_to(
    found: tuple[str, ...], cpu: Verdict, cuda: Verdict, outcome: Outcome
) -> None:
    assert outcome_of(found, cpu, cuda, exact=True) is outcome


def test_a_judge_that_dies_is_replaced(tmp_path: Path) -> None:
    """In place of a Python with vLLM: a program that ends at its first question, but not twice."""
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/sh\necho \'{"vllm": "1.0"}\'\nread question\n'
        f"if mkdir {tmp_path}/died; then exit 1; fi\n"
        'echo \'{"verdict": "taken"}\'\nread question\n'
    )
    python.chmod(0o755)
    with VllmJudge(str(python), "cpu", [], tmp_path) as judge:
        judge.wait()
        judge.send(["m"], {})
        assert judge.answer().verdict == "died"
        judge.send(["m"], {})
        assert judge.answer().taken
    assert judge.release == "1.0"


def test_without_vllm_the_judge_says_so(tmp_path: Path) -> None:
    with (
        VllmJudge("/bin/false", "cpu", [], tmp_path) as judge,
        pytest.raises(RuntimeError, match="no vLLM"),
    ):
        judge.wait()


def test_a_value_without_words_is_no_false_alarm() -> None:
    assert outcome_of((), TAKEN, TAKEN, exact=False) is Outcome.NO_WORDS
    assert outcome_of((), REFUSED, REFUSED, exact=False) is Outcome.REFUSED


def test_a_rule_that_names_a_file_of_the_configuration_is_not_later() -> None:
    assert not is_later("MX240 auto-tool-choice: ...")
    assert is_later("MX240 lora-modules: ...")


def test_a_group_is_what_vllm_says_without_what_changes() -> None:
    said = (
        "argument --kernel-config: 1 validation error for KernelConfig\na\n  Input should be 'x' [t"
    )
    assert pattern(said) == "--kernel-config: a Input should be …"
    assert pattern(": Value error, World size (64) is larger") == "World size …"
    assert "/srv" not in pattern("no file /srv/models/a.json")


def made(outcome: Outcome, text: str = "a: 1") -> Compared:
    case = Case("two options", f"model: m\nvllm:\n  args:\n    {text}\n")
    return Compared(case, (), (), outcome, REFUSED, REFUSED)


def test_the_report_counts_and_lists() -> None:
    done = [made(Outcome.TAKEN)] * 3 + [made(Outcome.MISS), made(Outcome.MISS, "a: 1\n    b: 2")]
    text = report(done, "0.32.0")
    assert "agree on 3 (60.0%). **False alarms: 0.**" in text
    assert "| two options | 5 | 3 | 0 | 2 | 0 |" in text
    assert "| 2 | no |  | `a: 1` |" in text
    assert options(done[-1]) == "a: 1; b: 2"


def test_the_cases_are_the_same_each_time() -> None:
    models = {"dense": Path("/m/dense"), "experts": Path("/m/experts")}
    first = list(cases("0.32.0", models, combinations=20, seed=1))
    assert first == list(cases("0.32.0", models, combinations=20, seed=1))
    assert first != list(cases("0.32.0", models, combinations=20, seed=2))
    assert len(first) > 10_000
    assert len(set(first)) > 0.99 * len(first)


@pytest.mark.engine
@pytest.mark.timeout(600)
@pytest.mark.skipif(not (VLLM_PYTHON and MODEL), reason="TEST_VLLM_PYTHON, TEST_MODEL are not set")
def test_no_error_of_ours_is_a_false_alarm(tmp_path: Path) -> None:
    """Some 600 of the many thousand cases; the whole is `python -m mixvllm.testing.agreement`."""
    models = make_models(Path(MODEL), tmp_path)
    with Comparison(VLLM_PYTHON, list(models.values()), tmp_path) as comparison:
        done = list(comparison.compare(sample(comparison.release, models, 600, seed=1)))
    alarms = [(item.case.text, item.found) for item in done if item.outcome is Outcome.FALSE_ALARM]
    print(report(done, comparison.release))  # noqa: T201 - shown with -s, and when it fails
    assert alarms == []
    judged = [item for item in done if item.outcome is not Outcome.UNKNOWN]
    assert len(judged) > 550
    assert sum(item.outcome is Outcome.REFUSED for item in done) > 200
    assert sum(item.outcome is Outcome.TAKEN for item in done) > 100
