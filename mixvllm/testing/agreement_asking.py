"""Asks the real vLLM for its verdict: one long-lived process a platform, replaced when it fails.

Importing vLLM takes 7 to 20 s, a verdict after that about 40 ms: see agreement_judge.py.
"""

import json
import os
import selectors
import subprocess  # noqa: TID251 - the other side is a Python that has vLLM
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

LIMIT: Final = 10.0  # seconds for one verdict; what takes longer waits for a machine or a network
START: Final = 400.0  # seconds for the imports and a first look at the models, on a busy machine
_PROGRAM: Final = Path(__file__).with_name("agreement_judge.py")
# What vLLM would tell, fetch or use of the machine it runs on.
_ENVIRONMENT: Final = {
    "VLLM_LOGGING_LEVEL": "ERROR", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What vLLM makes of a command line."""

    verdict: str  # taken, refused, unknown (the build cannot say), hung, died
    message: str = ""
    at: str = ""  # "config/parallel.py, __post_init__"

    @property
    def taken(self) -> bool:
        """Whether the engine would be started."""
        return self.verdict == "taken"

    @property
    def refused(self) -> bool:
        """Whether an error was raised that speaks of the options."""
        return self.verdict == "refused"


class VllmJudge:
    """vLLM on one platform, ``cpu`` or ``cuda``. Close it, or use it in a ``with``."""

    def __init__(self, python: str, platform: str, models: Sequence[Path], folder: Path) -> None:
        self._words = [python, "-P", str(_PROGRAM), platform, *map(str, models)]
        self._folder = folder
        self._process = self._started()
        self.release = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def wait(self) -> None:
        """Until vLLM is imported. Raises RuntimeError when it cannot be."""
        hello = self._read(START)
        if hello is None:
            raise RuntimeError(f"no vLLM by {self._words[0]}: see {self._folder}/*.log")
        self.release = str(hello["vllm"])

    def send(self, words: Sequence[str], environ: Mapping[str, str]) -> None:
        """Ask; `answer` waits for what comes back."""
        assert self._process.stdin is not None
        asked = json.dumps({"words": list(words), "environ": dict(environ), "limit": LIMIT})
        self._process.stdin.write(asked.encode() + b"\n")
        self._process.stdin.flush()

    def answer(self) -> Verdict:
        """The verdict on what was sent last."""
        found = self._read(LIMIT + 30)
        if found is None:
            self._end()
            self._process = self._started()
            self.wait()
            return Verdict("died", "the process that holds vLLM ended or said nothing")
        return Verdict(*(str(found.get(name, "")) for name in ("verdict", "message", "at")))

    def _started(self) -> "subprocess.Popen[bytes]":
        log = self._folder / f"{self._words[3]}.log"
        with log.open("ab") as said:
            return subprocess.Popen(
                self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said,
                cwd=self._folder, env={**os.environ, **_ENVIRONMENT},
            )  # fmt: skip

    def _read(self, limit: float) -> Mapping[str, object] | None:
        """The next line; None when none comes within ``limit`` seconds."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._process.stdout, selectors.EVENT_READ)
            if not waiting.select(limit):
                return None
        line = self._process.stdout.readline()
        answer: Mapping[str, object] | None = json.loads(line) if line else None
        return answer

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
