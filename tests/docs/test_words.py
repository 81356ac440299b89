"""What must not stand in any file: addresses of package registries, paths of a workplace."""

import gzip
import re
import subprocess
from pathlib import Path

import pytest

from mixvllm.testing.manual_page import ROOT

# Written in pieces, so that this file may be looked at, too.
HOSTS = ("py" + "pi.org", "python" + "hosted.org", "download.py" + "torch.org", "docker" + ".io",
         "gh" + "cr.io", "qu" + "ay.io", "ana" + "conda.org", "npm" + "js.")  # fmt: skip
FOLDERS = tuple(f"/{name}/" for name in ("work", "root", "tmp/w", "home/user"))
FORBIDDEN = re.compile("|".join(map(re.escape, (*HOSTS, *FOLDERS))))


def files() -> list[Path]:
    """All that is, or could be, committed."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("not a checkout")
    return [ROOT / name for name in listing.stdout.decode().split("\0") if name]


def test_no_file_names_a_registry_or_a_workplace() -> None:
    found = []
    for path in filter(Path.is_file, files()):
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode(errors="replace")
        found += [
            f"{path.relative_to(ROOT)}: {line.strip()[:120]}"
            for line in text.splitlines()
            if FORBIDDEN.search(line)
        ]
    assert not found, "\n".join(found)


def test_the_words_are_found_where_they_stand() -> None:
    for word in (*HOSTS, *FOLDERS):
        assert FORBIDDEN.search(f"see https://{word}x")
