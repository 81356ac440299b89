"""A page's situation, played for real: what a finding about this machine needs to be found.

A page may show a file ``situation.sh``. A shell reads it before `mixvllm validate` looks at the
machine: it sets variables and limits, makes files, and starts who takes a port. It runs in the
folder of the page's files; all that it started ends with it.
"""

import json
import os
import re
import shlex
import subprocess  # noqa: TID251 - plays what the manual shows, as a reader would
import sys
from pathlib import Path
from typing import Final

from mixvllm.testing.manual_page import ROOT, neutral
from mixvllm.vllm.options import newest

SITUATION: Final = "situation.sh"
_LIMIT: Final = 60  # seconds
_PROCESS: Final = re.compile(r"pid \d+ \(\S+")


def findings(profile: Path) -> str:
    """What `validate` finds in a profile in the situation beside it, a line each."""
    folder = profile.parent
    home = folder / "home"
    (home / "bin").mkdir(parents=True)
    python = home / "bin" / "python3"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    words = ["-m", "mixvllm", "validate", "--format", "json", "--vllm", newest(), profile.name]
    script = f"trap 'kill 0' EXIT; . ./{SITUATION} 1>&2; python3 {shlex.join(words)}"
    said = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=folder,
        env={
            "PATH": f"{home / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "HOME": str(home),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=_LIMIT,
        check=False,
        start_new_session=True,  # `kill 0` is meant for what the shell started
    ).stdout
    (result,) = json.loads(said)["profiles"]
    lines = (f"{_line(found, profile.name)}\n" for found in result["diagnostics"])
    return _PROCESS.sub("pid 14256 (python3", neutral("".join(lines), folder))


def _line(found: dict[str, object], profile: str) -> str:
    origin = found["origin"]
    if not isinstance(origin, dict):
        raise TypeError(f"an origin that is no object: {origin!r}")
    match origin["kind"]:
        case "file" if origin["path"] == profile:
            place = f"{origin['line']}:{origin['column']}"
        case "file":
            place = f"{Path(origin['path']).name}:{origin['line']}:{origin['column']}"
        case "default":
            place = f"default of {origin['name']}"
        case _:
            place = str(origin["name"])
    return f"{place}: {found['severity']}: {found['message']} [{found['code']}]"
