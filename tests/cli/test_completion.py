"""Completion: what is offered, how fast, and that real shells take it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from mixvllm.cli.commands import COMMANDS
from mixvllm.cli.shells import words
from mixvllm.testing import list_words
from mixvllm.vllm.options import known_releases, newest, options_of
from tests.cli.running import mixvllm
from tests.cli.test_main import imported

PATIENCE = 20  # seconds that a shell may take for an answer


def offered(*typed: str, to: str = "zsh") -> tuple[str, list[str]]:
    ran = mixvllm("completion", "--words", to, *typed)
    assert (ran.returncode, ran.stderr) == (0, "")
    kind, *lines = ran.stdout.splitlines()
    return kind, [line.partition("\t")[0] for line in lines]


def test_the_table_is_what_the_commands_and_the_schema_declare() -> None:
    """Else: python -m mixvllm.testing.list_words."""
    assert list_words.options() == words.OPTIONS
    assert list_words.arguments() == words.ARGUMENTS
    assert list_words.settings() == words.KEYS


@pytest.mark.parametrize(
    ("typed", "kind", "expected"),
    [
        (("val",), "words", ["validate"]),
        (("--v",), "words", ["--version"]),
        (("validate", ""), "profiles", []),
        (("explain", "--profile", ""), "profiles", []),
        (("validate", "--host", ""), "files", []),
        (("validate", "--for"), "words", ["--format"]),
        (("validate", "--format", ""), "words", ["text", "json", "sarif", "github"]),
        (("validate", "--format=j"), "words", ["--format=json"]),
        (("render-cmd", "p.yaml", "--target", "s"), "words", ["shell"]),
        (("upgrade", "p.yaml", "--to", "0.33"), "words", ["0.33.0"]),
        (("serve", "--set", "server.po"), "words", ["server.port="]),
        (("serve", "--set", "vllm.a"), "words", ["vllm.args."]),
        (("serve", "--set", "vllm.args.tensor"), "words", ["vllm.args.tensor-parallel-size="]),
        (("serve", "--set", "vllm.args.tensor_"), "words", ["vllm.args.tensor_parallel_size="]),
        (("serve", "--set", "vllm.env.VLLM_USE_DEEP_GEMM_E"), "words",
         ["vllm.env.VLLM_USE_DEEP_GEMM_E8M0="]),
        (("serve", "--set", "inference.dtype=b"), "words", ["inference.dtype=bfloat16"]),
        (("serve", "--set", "vllm.args.headless=t"), "words", ["vllm.args.headless=true"]),
        (("serve", "--set", "terminal.tls="), "words", ["terminal.tls=true", "terminal.tls=false"]),
        (("serve", "--dtype", "bf"), "words", ["bfloat16"]),
        (("render-cmd", "--vllm", "0.12.0", "--set", "vllm.args.swap"), "words",
         ["vllm.args.swap-space="]),
        (("render-cmd", "--vllm=0.33", "--set", "vllm.args.swap"), "words", []),
        (("explain", "MX21"), "words", ["MX210", "MX211", "MX212", "MX213", "MX214"]),
        (("explain", "mx210"), "words", ["mx210"]),
        (("explain", "headless-a"), "words", ["headless-api-servers"]),
        (("explain", "server.po"), "words", ["server.port"]),
        (("explain", "VLLM_USE_DEEP_GEMM_E"), "words", ["VLLM_USE_DEEP_GEMM_E8M0"]),
        (("explain", "--", "--t"), "words", []),
        (("nonsense", ""), "words", []),
    ],
)  # fmt: skip
def test_what_is_offered(typed: tuple[str, ...], kind: str, expected: list[str]) -> None:
    assert offered(*typed) == (kind, expected)


def test_every_name_that_a_user_may_want_is_offered() -> None:
    assert offered("")[1] == [command.name for command in COMMANDS]
    assert offered("serve", "--vllm")[1] == []
    assert offered("validate", "--vllm", "")[1] == list(reversed(known_releases()))
    names = [f"vllm.args.{name}=" for name in options_of(newest()).names()]
    assert offered("serve", "--set", "vllm.args.")[1] == names
    assert set(offered("serve", "--set", "")[1]) >= {"server.port=", "vllm.args.", "vllm.env."}
    assert {"server.", "MX"} <= set(offered("explain", "")[1])


def test_bash_makes_words_of_its_own_at_an_equals_sign() -> None:
    assert offered("validate", "--format", "=", "js", to="bash") == ("words", ["json"])
    assert offered("validate", "--format", "=", to="bash")[1][:1] == ["text"]
    assert offered("serve", "--set", "terminal.auth", "=", "t", to="bash")[1] == ["token"]
    assert offered("serve", "--set", "server.po", to="bash")[1] == ["server.port="]


def test_an_answer_imports_next_to_nothing() -> None:
    heavy = {"typer", "pydantic", "pydantic_settings", "rich", "ruamel", "asyncio"}
    for typed in (("val",), ("serve", "--set", "vllm.args."), ("explain", "MX")):
        loaded = imported("completion", "--words", "bash", *typed)
        assert not loaded & heavy, typed
        assert not {
            name for name in loaded if name.startswith(("mixvllm.rules", "mixvllm.settings"))
        }


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_printed_for_each_shell(shell: str) -> None:
    ran = mixvllm("completion", shell)
    assert ran.returncode == 0
    assert f"mixvllm completion {shell}" in "".join(ran.stdout.splitlines()[:2])
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=ran.stdout, text=True, check=True, capture_output=True)


def test_another_shell_is_wrong_usage() -> None:
    ran = mixvllm("completion", "tcsh")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "'bash', 'zsh', 'fish'" in ran.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with profiles, and a `mixvllm` for the shell's PATH."""
    script = tmp_path / "bin" / "mixvllm"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mixvllm "$@"\n')
    script.chmod(0o755)
    (tmp_path / "my llama.yaml").write_text("model: m\n")
    (tmp_path / "notes.txt").write_text("no profile\n")
    return tmp_path


def environ(folder: Path) -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {
        "PATH": path,
        "PYTHONPATH": root,
        "HOME": str(folder),
        "TERM": "dumb",
        "LANG": "C.UTF-8",
    }


def started(folder: Path, shell: str, *options: str) -> Iterator["pexpect.spawn[str]"]:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    child: pexpect.spawn[str] = pexpect.spawn(
        shell, list(options), cwd=str(folder), env=environ(folder), encoding="utf-8",
        timeout=PATIENCE, dimensions=(24, 200),
    )  # fmt: skip
    yield child
    child.close(force=True)


@pytest.fixture
def bash(folder: Path) -> Iterator["pexpect.spawn[str]"]:
    for child in started(folder, "bash", "--norc", "--noprofile", "-i"):
        child.sendline("PS1='ready> '; bind 'set enable-bracketed-paste off'")
        child.sendline('eval "$(mixvllm completion bash)"; echo loaded-$((40+2))')
        child.expect_exact("loaded-42")
        child.expect_exact("ready> ")
        yield child


def test_a_real_bash_completes_word_after_word(bash: "pexpect.spawn[str]") -> None:
    bash.send("mixvllm rend\t")
    bash.expect_exact("render-cmd ")
    bash.send("my\t")
    bash.expect_exact("my\\ llama.yaml ")
    bash.send("--set inference.dty\t")
    bash.expect_exact("inference.dtype=")
    bash.send("bf\t")
    bash.expect_exact("bfloat16 ")
    bash.send("--form\t")
    bash.expect_exact("--format ")
    bash.send("js\t")
    bash.expect_exact("json ")
    bash.sendline("; echo ended-$((40+2))")
    bash.expect_exact('"--dtype=bfloat16"')
    bash.expect_exact("ended-42")


def test_a_real_bash_lists_what_is_left_open(bash: "pexpect.spawn[str]") -> None:
    bash.send("mixvllm validate --format=\t\t")
    bash.expect_exact("sarif")
    bash.sendcontrol("u")
    bash.send("mixvllm explain mx21\t\t")
    bash.expect_exact("mx214")
    bash.sendcontrol("u")
    bash.send("mixvllm validate n\t")  # notes.txt is no profile
    bash.sendline("owhere.yaml")
    bash.expect_exact("there is no file nowhere.yaml")


def test_a_real_zsh_completes(folder: Path) -> None:
    for zsh in started(folder, "zsh", "-f", "-i"):
        zsh.sendline("PS1='ready> '; autoload -Uz compinit && compinit -u; unsetopt beep")
        zsh.sendline('eval "$(mixvllm completion zsh)"; echo loaded-$((40+2))')
        zsh.expect_exact("loaded-42\r")
        zsh.send("mixvllm rend\t")
        zsh.expect_exact("er-cmd")
        zsh.send("my\t")
        zsh.expect_exact("llama.yaml")
        zsh.send("--set inference.dty\t")
        zsh.expect_exact("pe=")
        zsh.send("bf\t")
        zsh.expect_exact("loat16")
        zsh.send(" --form\t")
        zsh.expect_exact("at")
        zsh.send("js\t")
        zsh.expect_exact("on")
        zsh.sendline("; echo ended-$((40+2))")
        zsh.expect_exact('"--dtype=bfloat16"')
        zsh.expect_exact("ended-42\r")


def test_a_real_fish_completes(folder: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("no fish here")
    (folder / "completions.fish").write_text(mixvllm("completion", "fish").stdout)

    def completed(line: str) -> list[str]:
        ran = subprocess.run(
            ["fish", "--no-config", "-c",
             f"source completions.fish; complete --do-complete {line!r}"],
            capture_output=True, text=True, check=True, cwd=folder, env=environ(folder),
        )  # fmt: skip
        return [shown.partition("\t")[0] for shown in ran.stdout.splitlines()]

    assert completed("mixvllm rend") == ["render-cmd"]
    assert completed("mixvllm serve --set inference.dtype=bf") == ["inference.dtype=bfloat16"]
    assert completed("mixvllm validate --format=js") == ["--format=json"]
    assert "my llama.yaml" in completed("mixvllm validate ")
