"""The ```` ```console ```` blocks of the manual: each ``$ `` line is run, and prints what is shown.

They run in a folder that holds the checkout's ``profiles`` and the files that their page shows,
80 columns wide, without colours, without MIXVLLM_* variables, and without a vLLM. What must not
be run (an engine, a GPU, an installation) is shown in blocks of another language.
"""

import os
import re
import shlex
import subprocess  # noqa: TID251 - runs what the manual shows, as a reader would
import sys
import tempfile
from pathlib import Path
from typing import Final

from mixvllm.testing.manual_page import ROOT, Block, Page, lay_out, neutral

_LIMIT: Final = 60  # seconds for one command
_TIME: Final = re.compile(r"\b\d+\.\d s$", re.MULTILINE)  # how long a check took: never the same


def commands(block: Block) -> list[str]:
    """The commands of a block, in order; a line that ends with a backslash goes on."""
    lines = re.findall(r"^\$ ((?:.*\\\n)*.*)$", block.text, re.MULTILINE)
    return [str(line) for line in lines]


def played(page: Page) -> str:
    """The page with every command run and its output written below it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        home = folder / "home"
        lay_out(page.files(), folder)
        _install(home)
        texts = [
            (block, "".join(f"$ {line}\n{_run(line, folder, home)}" for line in commands(block)))
            for block in page.blocks("console")
        ]
        return page.with_texts(texts)


def _install(home: Path) -> None:
    """A `mixvllm` on PATH, and nothing else that could answer in its place."""
    script = home / "bin" / "mixvllm"
    script.parent.mkdir(parents=True)
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mixvllm "$@"\n')
    script.chmod(0o755)


def _run(line: str, folder: Path, home: Path) -> str:
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=folder,
        env={
            "PATH": f"{home / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",  # what is said on both streams, in the order it was said
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "COLUMNS": "80",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_LIMIT,
        check=False,
    )
    said = neutral(done.stdout.decode(errors="replace"), folder)
    return _TIME.sub("0.1 s", said)
