"""The manual as a site: it builds without a warning, and a browser needs nothing but its files."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from mixvllm.testing.manual_page import ROOT

pytestmark = pytest.mark.skipif(find_spec("mkdocs") is None, reason="mkdocs is not installed")

_FETCHED = re.compile(
    r"""<(?:script|img|iframe)[^>]*\ssrc=["']?(?:https?:)?//[^>]*>"""
    r"""|<link[^>]*\shref=["']?(?:https?:)?//[^>]*>|url\(["']?(?:https?:)?//[^)]*\)"""
)


def test_it_builds_and_fetches_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    files = [path for kind in ("html", "css") for path in tmp_path.rglob(f"*.{kind}")]
    assert len(files) > 80
    found = {fetched for path in files for fetched in _FETCHED.findall(path.read_text())}
    assert not found
    for page in ("index.html", "rules/MX200/index.html", "images/serve.svg"):
        assert (tmp_path / page).is_file()
