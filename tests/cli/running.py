"""The command as its user has it: a process of its own, words in, text and a code out."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def mixvllm(
    *words: str | Path,
    environ: Mapping[str, str] | None = None,
    stdin: str = "",
    cwd: Path | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run `mixvllm` to its end, without colours and without settings from outside."""
    own = {k: v for k, v in os.environ.items() if not k.startswith("MIXVLLM_")}
    return subprocess.run(
        [sys.executable, "-m", "mixvllm", *map(str, words)],
        capture_output=True, text=True, input=stdin, timeout=60, check=False, cwd=cwd,
        env={**own, **(environ or {})},
    )  # fmt: skip
