"""The grades of the forecast: the targets are met, and a miss is told."""

import json
from dataclasses import replace
from pathlib import Path

from mixvllm.forecast.verdict import Verdict
from mixvllm.testing import memory_grades
from mixvllm.testing.memory_cases import Case, read_cases

CASES = read_cases(memory_grades.CASES)


def test_no_target_is_missed() -> None:
    assert memory_grades.wrong(CASES) == []


def test_enough_cases_are_graded() -> None:
    assert len(list(memory_grades.kv_tokens(CASES))) >= 14
    assert len(list(memory_grades.weights(CASES))) >= 13
    assert len(list(memory_grades.lengths(CASES))) >= 3
    verdicts = list(memory_grades.verdicts(CASES))
    assert sum(not case.started for case, _ in verdicts) >= 5
    assert sum(case.started for case, _ in verdicts) >= 16


def test_the_interval_of_what_is_left_has_most_of_what_was_logged() -> None:
    spans = list(memory_grades.caches(CASES))
    assert len(spans) >= 11
    assert sum(span.inside for span in spans) >= 0.9 * len(spans)


def test_starts_are_said_to_fit_most_often() -> None:
    found = [verdict for case, verdict in memory_grades.verdicts(CASES) if case.started]
    assert found.count(Verdict.FITS) >= 0.9 * len(found)


def test_a_wrong_figure_is_a_miss() -> None:
    (case,) = (case for case in CASES if case.name == "f58028398527")
    spoilt = replace(case, told={**case.told, "kv_tokens": case["kv_tokens"] * 1.01})
    heavier = replace(case, told={**case.told, "weights_gib": case["weights_gib"] * 1.02})
    refused = replace(case, told={**case.told, "outcome": "refused"})
    assert [len(memory_grades.wrong([each])) for each in (case, spoilt, heavier, refused)] == [
        0, 1, 1, 1
    ]  # fmt: skip


def test_a_file_of_other_cases_can_be_graded(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps([dict(case.told) for case in CASES[:3]]))
    assert [type(case) for case in read_cases(path)] == [Case] * 3
    assert memory_grades.regions(read_cases(path))["memory-tokens"]().count("\n") >= 3
