"""What we say of cards and what the real vLLM says agree; and how that is counted."""

import os
from pathlib import Path

import pytest

from mixvllm.testing.agreement_capabilities import Case, Compared, cases, compare, report

VLLM_PYTHON = os.environ.get("TEST_VLLM_PYTHON", "")
CASE = Case("types of KV cache", ["backend", None, "fp8"], "heads of 128", ("kv-cache-dtype: fp8",))


@pytest.mark.parametrize(
    ("theirs", "ours", "outcome"),
    [
        ("", (), "both take it"),
        ("ValueError: no", ("MX424",), "both refuse it"),
        ("ValueError: no", (), "missed"),
        ("", ("MX424",), "false alarm"),
        ("? ImportError: no kernel", (), "cannot be judged"),
        ("? ImportError: no kernel", ("MX424",), "cannot be judged"),
    ],
)
def test_what_two_verdicts_come_to(theirs: str, ours: tuple[str, ...], outcome: str) -> None:
    assert Compared(CASE, (8, 0), theirs, ours).outcome == outcome


def test_the_report_counts() -> None:
    done = [
        Compared(CASE, (8, 0), "", ()),
        Compared(CASE, (8, 6), "", ("MX424",)),
        Compared(CASE, (7, 5), "ValueError: no | such `thing`", ()),
        Compared(CASE, (9, 0), "? ImportError: no kernel", ()),
    ]
    text = report("0.32.0", done)
    assert "4 questions. Of 1 a build for CPUs cannot judge" in text
    assert "agree on 1 (33.3%)" in text
    assert "**False alarms: 1.**" in text
    assert "| types of KV cache | 4 | 1 | 0 | 1 | 1 | 1 |" in text
    assert r"| 1 | left to vLLM | ValueError: no \| such 'thing' |" in text


def test_everything_is_asked() -> None:
    asked = list(cases("0.32.0"))
    methods = {case.question[1] for case in asked if case.question[0] == "method"}
    backends = {case.question[1] for case in asked if case.question[0] == "backend"}
    assert {"fp8", "awq", "mxfp4", "compressed-tensors"} <= methods
    assert {None, "FLASH_ATTN", "FLASHINFER", "TRITON_MLA"} <= backends
    assert len(asked) > 5000


@pytest.mark.engine
@pytest.mark.skipif(not VLLM_PYTHON, reason="TEST_VLLM_PYTHON names no Python with vLLM")
@pytest.mark.timeout(900)
def test_nothing_is_refused_that_vllm_takes(tmp_path: Path) -> None:
    _, done = compare(VLLM_PYTHON, tmp_path, count=120, seed=7)
    assert [item for item in done if item.outcome == "false alarm"] == []
    judged = [item for item in done if item.outcome != "cannot be judged"]
    missed = [item for item in judged if item.outcome == "missed"]
    assert len(judged) > 1000
    assert len(missed) <= len(judged) // 500
