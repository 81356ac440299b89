"""Asks an installed vLLM for its own options: `mixvllm/vllm/dump.py`, run by its python."""

import json
import subprocess  # noqa: TID251 - a python of another environment, which is waited for
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mixvllm.vllm.dump import Json

_DUMP: Final = Path(__file__).parents[1] / "vllm" / "dump.py"
LIMIT: Final = 300.0  # seconds; 10 to 40 are usual, nearly all of it vLLM's imports


class DumpFailed(RuntimeError):
    """The options could not be had; in words, why."""


def dump_options(
    python: Path, environ: Mapping[str, str], *, limit: float = LIMIT
) -> Mapping[str, Json]:
    """What that python's vLLM understands, as `mixvllm.vllm.pack` reads it.

    Raises:
        DumpFailed: it cannot be started, fails, or takes longer than ``limit`` seconds.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="mixvllm-") as folder:
            out = Path(folder) / "options.json"
            done = subprocess.run(
                [str(python), "-P", str(_DUMP), str(out)],
                cwd=folder,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=limit,
                check=False,
            )
            if done.returncode == 0:
                found: dict[str, Json] = json.loads(out.read_text(encoding="utf-8"))
                return found
    except subprocess.TimeoutExpired:
        raise DumpFailed(f"{python} did not answer within {limit:g} s") from None
    except (OSError, ValueError) as error:
        raise DumpFailed(f"{python}: {error}") from None
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
    raise DumpFailed(lines[-1] if lines else f"{python} ended with {done.returncode}")
