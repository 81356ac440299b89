"""The real vLLM and the rules about a model's files say the same of the same folders."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from mixvllm.testing.small_checkpoint import write_checkpoint
from tests.rules.test_model_files import CONFIGS, findings

VLLM_PYTHON = os.environ.get("TEST_VLLM_PYTHON", "")
_JUDGE = Path(__file__).with_name("judge_models.py")
_RANKS: dict[str, object] = {"distributed_executor_backend": "mp"}
_ASKED: tuple[dict[str, object], ...] = (
    {},
    {"max_model_len": 10_000_000},
    {"tensor_parallel_size": 3, **_RANKS},
    {"pipeline_parallel_size": 2, **_RANKS},
    {"dtype": "half"},
    {"runner": "generate"},
    {"enable_expert_parallel": True},
    {"quantization": "awq"},
    {"quantization": "fp8"},
)
# What vLLM says when this machine lacks something that the model needs: no verdict on the folder.
_NO_VERDICT = ("failed to be inspected",)
# Refused by vLLM for a reason that is not in config.json: not judged (docs/model-files.md).
_NOT_JUDGED = ("is not supported for quantization method",)


@pytest.mark.engine
@pytest.mark.timeout(900)
@pytest.mark.skipif(not VLLM_PYTHON, reason="TEST_VLLM_PYTHON names no Python with vLLM")
def test_vllm_and_the_rules_agree_on_every_family(tmp_path: Path) -> None:
    cases: list[tuple[Path, dict[str, object]]] = []
    for name, config in CONFIGS.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(config))
        write_checkpoint(tmp_path / name)
        cases += [(tmp_path / name, asked) for asked in _ASKED]
    lines = "".join(json.dumps([str(folder), asked]) + "\n" for folder, asked in cases)
    done = subprocess.run(
        [VLLM_PYTHON, "-P", str(_JUDGE)], input=lines, text=True, capture_output=True, check=True,
        cwd=tmp_path,
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(cases)
    judged = 0
    wrong: list[tuple[str, dict[str, object], str, list[str]]] = []
    for (folder, asked), answer in zip(cases, answers, strict=True):
        said: str = answer.get("error", "")
        if any(reason in said for reason in (*_NO_VERDICT, *_NOT_JUDGED)):
            continue
        judged += 1
        args = [f"{key.replace('_', '-')}: {json.dumps(value)}" for key, value in asked.items()]
        ours = [d.message for d in findings(folder, *args).diagnostics if d.code >= "MX7"]
        if bool(said) != bool(ours):
            wrong.append((folder.name, asked, said[:200], ours))
    assert wrong == []
    assert judged > 150
