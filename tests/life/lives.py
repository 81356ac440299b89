"""Whole lives of `mixvllm serve` with the fake engine: real processes, told apart by a tag.

The tag is in the name of the profile and in the served name of its model, so it is on the
command line of the supervisor, of its keeper and of everything that the fake engine forks,
in whatever session.
"""

import itertools
import json
import os
import re
import signal
import stat
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import psutil

from mixvllm.testing.running import Running, free_port

T = TypeVar("T")
ROOT: Final = Path(__file__).parents[2]
SERVE: Final = (sys.executable, "-m", "mixvllm", "serve")
FAKE: Final = (sys.executable, "-m", "mixvllm.testing.fake_vllm")
LIMIT: Final = 30.0  # seconds: far beyond what any wait should take, on any machine
CLEAN: Final = 10.0  # seconds: what is promised for the end of everything
_NUMBERS: Final = itertools.count(1)


def eventually(look: Callable[[], T], what: str, *, limit: float = LIMIT) -> T:
    """Wait until ``look`` returns something true, and return that."""
    deadline = time.monotonic() + limit
    while not (seen := look()):
        assert time.monotonic() < deadline, f"waited {limit:.0f} s for {what}"
        time.sleep(0.02)
    return seen


@dataclass(frozen=True)
class Case:
    """A profile of the fake engine in a folder, and what bears its tag.

    ``fault`` is a plan of the fake engine; with ``once`` only the first engine has it.
    ``profile`` is laid over the usual profile, section by section.
    """

    folder: Path
    fault: str = ""
    once: bool = False
    speed: float = 100.0
    profile: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    tag: str = field(default_factory=lambda: f"life-{os.getpid()}-{next(_NUMBERS)}")
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.path.write_text(json.dumps(self._text(), indent=1))

    @property
    def path(self) -> Path:
        return self.folder / f"{self.tag}.yaml"

    @property
    def runs(self) -> Path:
        """The folder of the logs."""
        return Path(str(self.profile.get("logging", {}).get("directory", self.folder / "runs")))

    @property
    def run(self) -> Path:
        """The folder of the one run."""
        (only,) = (self.runs / self.tag).iterdir()
        return only

    @property
    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(self.folder / "state")}

    def argv(self, *options: str) -> tuple[str, ...]:
        return (*SERVE, str(self.path), *options)

    def log(self) -> str:
        """What vLLM has written so far; empty before there is a run."""
        with suppress(OSError):
            return (self.run / "vllm.log").read_text(errors="replace")
        return ""

    def wait_logged(self, text: str) -> None:
        """Wait until vLLM has written this."""
        eventually(lambda: text in self.log(), f"{text!r} in the log")

    def tagged(self) -> list[psutil.Process]:
        """Everybody who bears the tag and lives."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                bears = any(self.tag in word for word in process.cmdline())
                if bears and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def wait_nothing_left(self, *, limit: float = CLEAN) -> float:
        """Wait until nobody bears the tag; seconds that it took."""
        began = time.monotonic()
        eventually(lambda: not self.tagged(), f"the end of {self.tagged()}", limit=limit)
        return time.monotonic() - began

    def pid(self, name: str) -> int:
        """The pid that the first process of this name has in the log."""

        def look() -> int | None:
            found = re.findall(rf"\((?:Vllm)?{name}[^ ]* pid=(\d+)\)", self.log())
            return int(found[0]) if found else None

        return eventually(look, f"a line of {name} in the log") or 0

    def _text(self) -> dict[str, object]:
        command = list(FAKE)
        variables = {"FAKE_VLLM_SPEED": str(self.speed)}
        if self.once:
            command = [str(self._script())]
        else:
            variables["FAKE_VLLM_FAULT"] = self.fault
        usual: dict[str, dict[str, object]] = {
            "model": {"name": "Qwen/Qwen3-0.6B", "served_name": self.tag},
            "server": {"port": self.port},
            "logging": {"directory": str(self.runs)},
            "ops": {"enabled": False},  # many lives at once, and one port 8001
            "supervisor": {
                "stop_grace": 5,
                "restart": {"backoff": 0.1, "max_restarts": 2},
            },
            "vllm": {"version": "0.32.0", "command": command, "env": variables},
        }
        for section, values in self.profile.items():
            usual[section] = {**usual.get(section, {}), **values}
        return dict(usual)

    def _script(self) -> Path:
        """A command that gives its fault to the first engine alone."""
        script = self.folder / f"{self.tag}-engine"
        script.write_text(
            "#!/bin/sh\n"
            f'mkdir "$0.first" 2>/dev/null && export FAKE_VLLM_FAULT="{self.fault}"\n'
            f'exec {" ".join(FAKE)} "$@"\n'
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        return script


class Life(Running):
    """`mixvllm serve --format json` of a case, started; on the way out everything dies.

    ``under`` is a command that starts it; with ``text`` it writes its usual lines.
    """

    def __init__(
        self,
        case: Case,
        *options: str,
        env: Mapping[str, str] | None = None,
        text: bool = False,
        under: tuple[str, ...] = (),
    ) -> None:
        self.case = case
        as_json = () if text else ("--format", "json")
        argv = (*under, *case.argv(*as_json, *options))
        super().__init__(argv, env={**case.environment, **(env or {})}, port=case.port)

    def __enter__(self) -> Self:
        return self

    def family(self) -> list[psutil.Process]:
        """Everybody, in whatever session."""
        return self.case.tagged()

    def events(self, kind: str = "", **fields: object) -> list[dict[str, Any]]:
        """The events so far, of one kind, with these fields."""
        wanted = {"event": kind, **fields} if kind else fields
        return [
            event
            for line in self.lines("out")
            if isinstance(event := json.loads(line), dict) and wanted.items() <= event.items()
        ]

    def wait_event(
        self, kind: str, *, times: int = 1, limit: float = LIMIT, **fields: object
    ) -> dict[str, Any]:
        """The ``times``-th event of a kind with these fields."""
        deadline = time.monotonic() + limit
        while len(found := self.events(kind, **fields)) < times:
            with self._news:
                ended = self.process.poll() is not None
                news = self._news.wait(0.2 if ended else deadline - time.monotonic())
            if not news and (ended or time.monotonic() >= deadline):
                told = "\n".join([*self.lines("err"), *map(str, self.events("state_changed"))])
                raise TimeoutError(f"no {kind} {fields} (exit {self.process.poll()}):\n{told}")
        return found[times - 1]

    def wait_state(self, state: str, *, times: int = 1, limit: float = LIMIT) -> str:
        """The reason that was given for a state."""
        event = self.wait_event("state_changed", state=state, times=times, limit=limit)
        return str(event["reason"])

    def wait_pid(self, attempt: int = 1) -> int:
        """The pid of an attempt's API server."""
        return int(self.wait_event("engine_spawned", attempt=attempt)["pid"])

    def states(self) -> list[str]:
        return [str(event["state"]) for event in self.events("state_changed")]

    def keeper(self) -> int:
        """The pid of the keeper that lives."""

        def look() -> int | None:
            for process in self.case.tagged():
                with suppress(psutil.Error):
                    if "mixvllm.engine.keeper" in process.cmdline():
                        return process.pid
            return None

        return eventually(look, "a keeper") or 0

    def kill(self, pid: int) -> None:
        self.send(signal.SIGKILL, to=pid)

    def ask(self, prompt: str, *, limit: float = 10.0, **options: object) -> dict[str, Any]:
        """A completion."""
        body = {"model": self.case.tag, "prompt": prompt, **options}
        found = self.request("POST", "/v1/completions", body, limit=limit)
        assert found.status == 200, found.body
        return dict(found.json())

    def wait_exit(self, *, limit: float = LIMIT) -> int:
        return super().wait_exit(limit=limit)
