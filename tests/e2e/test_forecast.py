"""The memory forecast against what the real vLLM says of itself, on the CPU.

Each start is stopped as soon as the size of the cache is in its log.
"""

import json
import math
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mixvllm.vllm import cpu_launcher
from tests.cli.running import mixvllm
from tests.e2e.test_real_lives import MODEL, PYTHON, START, real
from tests.life.lives import Case, Life, eventually

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not (PYTHON and MODEL), reason="TEST_VLLM_PYTHON and TEST_MODEL name no real vLLM"
    ),
]
_SIZE = re.compile(
    r"KV cache size: ([\d,]+) tokens.*concurrency for ([\d,]+) tokens per request: ([\d.]+)x"
)
_REFUSED = re.compile(
    r"max seq len \((\d+)\), \(([\d.]+) GiB KV cache is needed.*?"
    r"maximum model length is (\d+)", re.DOTALL
)  # fmt: skip
MIB = 2**20
_SPACE = "VLLM_CPU_KVCACHE_SPACE"  # wins over the option


def profile(folder: Path, *, space: bool = True, **sections: Any) -> Case:
    """A profile of the real vLLM, with or without 1 GiB of cache by the variable."""
    usual = real(folder).profile["vllm"]["env"]
    assert isinstance(usual, dict)
    env = {name: text for name, text in usual.items() if space or name != _SPACE}
    return real(
        folder,
        vllm={"env": env, "args": sections.pop("args", {})},
        supervisor={"restart": {"policy": "never"}},
        **sections,
    )


def forecast(case: Case) -> dict[str, Any]:
    done = mixvllm("fit", case.path, "--format", "json")
    document: dict[str, Any] = json.loads(done.stdout)
    assert "error" not in document, document
    return document


def logged(case: Case, pattern: re.Pattern[str]) -> re.Match[str]:
    """What vLLM's log has; the engine is stopped then."""
    with Life(case) as life:
        eventually(
            lambda: pattern.search(case.log()) or life.process.poll() is not None,
            "the cache's size", limit=START,
        )  # fmt: skip
        found = pattern.search(case.log())
        assert found is not None, life.lines()
        life.send(signal.SIGTERM)
        life.wait_exit(limit=60)
    return found


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"inference": {"max_model_len": 2048, "block_size": 64}},
        {"inference": {"max_model_len": 512}, "space": False,
         "args": {"kv-cache-memory-bytes": 300 * MIB}},
    ],
    ids=["a variable", "small blocks", "given bytes"],
)  # fmt: skip
def test_the_cache_is_as_large_as_was_forecast(settings: dict[str, Any], tmp_path: Path) -> None:
    case = profile(tmp_path, **settings)
    told = forecast(case)
    tokens, length, concurrency = logged(case, _SIZE).groups()
    assert told["verdict"] == "fits"
    assert told["kv_tokens"] == int(tokens.replace(",", ""))
    assert told["max_model_len"] == int(length.replace(",", ""))
    assert math.isclose(told["max_concurrency"], float(concurrency), abs_tol=0.011)


def test_of_what_is_left_the_interval_has_the_cache(tmp_path: Path) -> None:
    case = profile(tmp_path, space=False, inference={"gpu_memory_utilization": 0.2})
    told = forecast(case)["kv_tokens_range"]
    tokens = int(logged(case, _SIZE)[1].replace(",", ""))
    assert told["low"] <= tokens <= told["high"]


def test_a_refusal_is_foretold_to_the_token(tmp_path: Path) -> None:
    """`serve` would not start it any more, so vLLM is started without it."""
    case = profile(
        tmp_path, space=False, inference={"max_model_len": 8192},
        args={"kv-cache-memory-bytes": 50 * MIB},
    )  # fmt: skip
    told = forecast(case)
    assert told["verdict"] == "does_not_fit"
    assert [reason["cause"] for reason in told["reasons"]] == ["context"]
    started = mixvllm("serve", case.path)
    assert (started.returncode, "MX411" in started.stderr) == (1, True)
    said = subprocess.run(
        [PYTHON, cpu_launcher.__file__, "serve", MODEL, "--max-model-len", "8192",
         "--enforce-eager", "--kv-cache-memory-bytes", str(50 * MIB), "--port", str(case.port)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"},
        capture_output=True, text=True, timeout=START, check=False,
    )  # fmt: skip
    found = _REFUSED.search(said.stdout + said.stderr)
    assert found is not None
    length, needed, longest = found.groups()
    assert told["max_model_len"] == int(length)
    assert told["longest_context"] == int(longest)
    (rank,) = told["ranks"]
    assert float(needed) == round(rank["kv_bytes_per_token"] * int(length) / 2**30, 2)
