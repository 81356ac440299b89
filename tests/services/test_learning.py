"""An installed vLLM that is newer than mixvllm: its own parser is asked, once, and remembered."""

import os
import subprocess
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cli.running import mixvllm

_FILES = {
    "__init__.py": "",
    "version.py": "__version__ = '0.99.0'\n",
    "platforms/__init__.py": "",
    "platforms/cpu.py": "class CpuPlatform:\n    pass\n",
    "utils/__init__.py": "",
    "utils/argparse_utils.py": """\
import argparse
class FlexibleArgumentParser(argparse.ArgumentParser):
    pass
""",
    "entrypoints/__init__.py": "",
    "entrypoints/cli/__init__.py": "",
    "entrypoints/cli/serve.py": """\
import argparse, os, time
def make_arg_parser(parser):
    with open(os.environ["ASKED"], "a") as file:
        file.write("asked\\n")
    time.sleep(float(os.environ.get("ASKED_SLOWLY", "0")))
    if os.environ.get("ASKED_IN_VAIN"):
        raise RuntimeError("libnobody.so.1 is missing")
    parser.add_argument("--host", type=str)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--new-in-99", choices=["one", "two"], default="one")
    parser.add_argument("--max-num-seqs", action=argparse.BooleanOptionalAction)
    return parser
""",
    "envs.py": """\
import os
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    VLLM_NEW_IN_99: bool = False
environment_variables = {
    "VLLM_NEW_IN_99": lambda: bool(int(os.getenv("VLLM_NEW_IN_99", "0"))),
}
""",
    "config.py": "",
}


class Later:
    """An environment with vLLM 0.99.0, as far as anybody asks of it, and a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.asked = folder / "asked"
        root = folder / "venv"
        venv.create(root, symlinks=True)
        (site,) = root.glob("lib/python3*/site-packages")
        for name, text in _FILES.items():
            path = site / "vllm" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.record = site / "vllm-0.99.0.dist-info" / "RECORD"
        self.record.parent.mkdir()
        self.record.write_text("vllm/__init__.py,sha256=abc,0\n")
        script = root / "bin" / "vllm"
        script.write_text(f"#!{root / 'bin' / 'python3'}\nfrom vllm import main\n")
        script.chmod(0o755)
        self.script = script
        self.profile = folder / "p.yaml"
        self.write("new-in-99: one")

    def write(self, *lines: str, version: str | None = None, command: object = None) -> None:
        named = f"  version: {version}\n" if version else ""
        named += f"  command: {command}\n" if command else ""
        args = "".join(f"    {line}\n" for line in lines)
        self.profile.write_text(f"model: m\nvllm:\n{named}  args:\n{args}")

    def run(self, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """With the operator's own word for which vLLM it is."""
        return self.run_as_it_is(*words, MIXVLLM_VLLM__COMMAND=str(self.script), **environ)

    def run_as_it_is(self, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """With what stands in the profile."""
        own = {"XDG_CACHE_HOME": str(self.home), "ASKED": str(self.asked), "NO_COLOR": "1"}
        command = words or ("validate",)
        return mixvllm(*command, self.profile, environ={**own, **environ})

    @property
    def times(self) -> int:
        """How often it was asked."""
        return len(self.asked.read_text().splitlines()) if self.asked.exists() else 0

    def kept(self) -> list[Path]:
        return sorted(p for p in (self.home / "mixvllm").glob("vllm-*") if p.suffix != ".lock")


@pytest.fixture
def later(tmp_path: Path) -> Later:
    return Later(tmp_path)


def test_it_is_asked_once_and_then_known(later: Later) -> None:
    first = later.run()
    assert "valid for vLLM 0.99.0" in first.stdout
    assert "asking vLLM 0.99.0 for its options, once: about 20 s" in first.stderr
    second = later.run()
    assert second.stdout == first.stdout
    assert second.stderr == ""
    assert later.times == 1
    (file,) = later.kept()
    assert file.name.startswith("vllm-0.99.0-")


def test_its_options_are_checked_and_those_of_before_are_remembered(later: Later) -> None:
    later.write("new-in-99: three", "swap-space: 4", "dtype: half", "sede: 1")
    said = later.run().stdout
    assert "`new-in-99` does not take `three` (vLLM 0.99.0)" in said
    assert "`swap-space` was removed in 0.18.0" in said
    assert "`dtype` was removed in 0.99.0" in said
    assert "did you mean `seed`?" in said


def test_it_is_rendered_for(later: Later) -> None:
    done = later.run("render-cmd")
    assert "--new-in-99=one" in done.stdout
    assert done.returncode == 0


def test_a_profile_that_names_it_is_understood(later: Later) -> None:
    later.write("new-in-99: one", version="'0.99'")
    assert "valid for vLLM 0.99.0" in later.run().stdout
    assert later.run("validate", "--vllm", "0.99").returncode == 0


def test_another_release_needs_nobody(later: Later) -> None:
    later.write("dtype: half", version="0.33.0")
    assert "valid for vLLM 0.33.0" in later.run().stdout
    assert later.run("validate", "--vllm", "0.32").returncode == 0
    assert later.run("validate", "--vllm", "9.9").returncode == 3
    assert later.times == 0


@pytest.mark.parametrize(
    "words",
    [
        ("validate",),
        ("validate", "--vllm", "0.99"),
        ("validate", "--fix"),
        ("explain", "new-in-99", "--profile"),
        ("render-cmd",),
        ("upgrade", "--to", "0.99"),
    ],
    ids=" ".join,
)
def test_a_program_that_stands_in_a_profile_is_not_run_to_check_it(
    later: Later, words: tuple[str, ...]
) -> None:
    python = later.script.with_name("python3")
    for command in (later.script, "./venv/bin/vllm", f"[{python}, -m, vllm]"):
        later.write("new-in-99: one", command=command)
        done = later.run_as_it_is(*words)
        assert done.returncode == 3
        assert "a program that stands in a profile is not run to check it" in done.stderr
        assert "--set vllm.command=" in done.stderr
    base = later.profile.rename(later.profile.with_name("base.yaml"))
    later.profile.write_text(f"extends: {base.name}\n")
    assert later.run_as_it_is(*words).returncode == 3
    assert later.times == 0


def test_what_was_learned_once_is_known_of_a_program_in_a_profile(later: Later) -> None:
    later.write("new-in-99: three", command=later.script)
    assert later.run_as_it_is("validate", "--set", f"vllm.command={later.script}").returncode == 1
    assert later.times == 1
    assert "`new-in-99` does not take `three` (vLLM 0.99.0)" in later.run_as_it_is().stdout
    assert later.times == 1


def test_serve_asks_what_it_starts(later: Later) -> None:
    later.write("new-in-99: three", command=later.script)
    done = later.run_as_it_is("serve")
    assert "`new-in-99` does not take `three` (vLLM 0.99.0)" in done.stderr
    assert later.times == 1


def test_an_upgrade_to_it(later: Later) -> None:
    later.run()
    later.write("swap-space: 4", "new-in-99: one", version="0.17.1", command=later.script)
    done = later.run_as_it_is("upgrade", "--to", "0.99", "--diff")
    assert "-    swap-space: 4" in done.stdout
    assert "+  version: 0.99.0" in done.stdout
    assert "`new-in-99` is refused by 0.17.1, and taken by 0.99.0" in done.stderr


@pytest.mark.parametrize("damage", [b"", b"torn", b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_a_torn_file_is_made_again(later: Later, damage: bytes) -> None:
    later.run()
    (file,) = later.kept()
    good = file.read_bytes()
    for bad in (damage, good[:-5]):
        file.write_bytes(bad)
        assert "valid for vLLM 0.99.0" in later.run().stdout
        assert file.read_bytes() == good
    assert later.times == 3


def test_another_wheel_of_the_same_version_is_asked_again(later: Later) -> None:
    later.run()
    later.record.write_text("vllm/__init__.py,sha256=def,0\n")
    later.run()
    assert later.times == 2
    assert len(later.kept()) == 2


def test_two_at_once_ask_once(later: Later) -> None:
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda _: later.run(ASKED_SLOWLY="1.5"), range(3)))
    assert [one.returncode for one in done] == [0, 0, 0]
    assert later.times == 1
    assert sum("waiting for another mixvllm" in one.stderr for one in done) == 2


def test_where_nothing_can_be_kept_it_works_and_says_so(later: Later) -> None:
    later.home.write_text("a file where the folder should be: unwritable, also for root")
    for _ in range(2):
        done = later.run()
        assert "vLLM 0.99.0" in done.stdout
        assert "warning: the options of vLLM 0.99.0 cannot be kept in" in done.stderr
    assert later.times == 2


def test_a_vllm_that_cannot_answer_is_no_guess(later: Later) -> None:
    done = later.run(ASKED_IN_VAIN="1")
    assert done.returncode == 3
    assert "cannot be asked: RuntimeError: libnobody.so.1 is missing" in done.stderr
    assert "vllm.version: 0.33.0" in done.stderr
    assert "Traceback" not in done.stderr
    assert later.kept() == []
    assert later.run().returncode == 0


def test_json_stays_one_document(later: Later) -> None:
    done = later.run("validate", "--format", "json")
    assert done.stdout.startswith("{")
    assert '"vllm": "0.99.0"' in done.stdout


def test_the_fake_is_asked_by_its_own_python(later: Later) -> None:
    python = later.profile.parent / "venv" / "bin" / "python3"
    told = subprocess.run(
        [python, "-c", "import vllm.version as v; print(v.__version__)"],
        capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert told.stdout == "0.99.0\n"
    assert str(python) != sys.executable
