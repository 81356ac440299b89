"""The command as text: what a shell reads is what would be run."""

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import pytest

from mixvllm.render.command import VllmCommand
from mixvllm.render.document import document
from mixvllm.render.shell import shell
from tests.render.rendering import command

_AWKWARD = (
    "model: m\nvllm:\n  args:\n"
    "    served-model-name: [\"it's\", 'a \"b\" $HOME `id` \\\\ ü 日本', 'new\nline']\n"
    "    compilation-config: {mode: 3, debug_dump_path: 'x y'}\n"
    '  env: {ODD: "a\'b $c"}\n'
)


def show(argv: str) -> str:
    return f"import json,os,sys; print(json.dumps([sys.argv[1:], os.environ.get({argv!r})]))"


@pytest.mark.parametrize("program", ["bash", "sh"])
@pytest.mark.parametrize("origins", [False, True])
def test_a_shell_reads_back_the_same_words(program: str, origins: bool, tmp_path: Path) -> None:
    fake = tmp_path / "vllm"
    fake.write_text(f"#!/usr/bin/env python3\n{show('ODD')}\n")
    fake.chmod(0o755)
    made = command(_AWKWARD)
    start = made.argv.index("serve")
    text = shell(made, origins=origins).replace(" ".join(made.pieces[0].words), str(fake), 1)
    if origins:  # the first word also stands in a comment
        text = shell(made, origins=True).replace(f"  {made.argv[0]} serve", f"  {fake} serve")
    ran = subprocess.run([program, "-c", text], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == [list(made.argv[start:]), "a'b $c"]


HOSTILE = [
    "a b", "it's", 'say "hi"', "$HOME", "`id`", "$(id)", "\\", "a\\nb", "!x", "a!b!", "!!", "^a^b",
    "~", "*", "&&ls;|<>", "#x", "ünï 漢🂡", "u\u0308", "%s%d%%", "100%",
    "a\tb", "\t", "tab\there!", "a\nb", "a\n^b^c\n!x", "\n", "a\n\n", "\na", "\r", "a\r\nb",
    "\x1b[31mred\x1b[0m", "\x07", "\x7f", "\x16\x03", "\x04", "\x15", "\x85", "\u2028", "\u202e",
    "'\t'", "\\\t", "\t%s\\011", '"\t$HOME`id`!x', "=\t=",  "x" * 5000,
]  # fmt: skip


def hostile(folder: Path) -> VllmCommand:
    """A command full of them, of a program that writes down what it was given."""
    program = folder / "vllm"
    program.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        f"with open({str(folder / 'given')!r}, 'w') as out:\n"
        "    json.dump([sys.argv[1:], dict(os.environ)], out)\n"
    )
    program.chmod(0o755)
    profile = {
        "model": {"name": "org/name", "served_name": HOSTILE},
        "server": {"api_key": "${env:K}"},
        "vllm": {
            "command": str(program),
            "args": {
                "response-role": "a\t'!$\\\n",
                "hf-overrides": {"k\t!": HOSTILE},
                "chat-template": "{{ a }}\n\t!x\n",
            },
            "env": {f"ODD_{place}": text for place, text in enumerate(HOSTILE)},
        },
    }
    text = json.dumps(profile, ensure_ascii=False)
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    environ = {"K": "a'b\"c $d", "PATH": os.environ["PATH"]}
    return command(text, path=folder / "p.yaml", environ=environ)


def was_given(made: VllmCommand, folder: Path) -> None:
    """The program got the words and the environment of the command, byte for byte."""
    words, environ = json.loads((folder / "given").read_text())
    assert words == list(made.argv[1:])
    assert {name: environ.get(name) for name in made.env} == dict(made.env)
    assert {name: environ.get(name) for name in made.secrets} == dict(made.secrets)


@pytest.mark.parametrize("program", ["bash", "sh"])
@pytest.mark.parametrize("origins", [False, True])
def test_nothing_of_a_value_means_anything_to_a_shell(
    program: str, origins: bool, tmp_path: Path
) -> None:
    made = hostile(tmp_path)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    text = shell(made, origins=origins)
    subprocess.run([program, "-c", text], check=True, env={**environ, **made.secrets})
    was_given(made, tmp_path)


@pytest.mark.parametrize("bracketed", ["on", "off"])
@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
@pytest.mark.parametrize("origins", [False, True])
def test_it_can_be_pasted_at_a_prompt(
    bracketed: str, locale: str, origins: bool, tmp_path: Path
) -> None:
    """In a terminal, where a tab completes a name and ``!`` calls up an old command."""
    made = hostile(tmp_path)
    (tmp_path / "inputrc").write_text(f"set enable-bracketed-paste {bracketed}\n")
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": locale, "TERM": "xterm",
        "INPUTRC": str(tmp_path / "inputrc"), "PS1": "READY> ", **made.secrets,
    }  # fmt: skip
    pasted = shell(made, origins=origins).encode()
    if bracketed == "on":
        pasted = b"\x1b[200~" + pasted.rstrip(b"\n") + b"\x1b[201~\n"
    with Prompt(["bash", "--norc", "--noprofile", "-i"], environ, tmp_path) as prompt:
        prompt.paste(b"echo old command; set -o history; set -H\n", until=b"old command\r\n")
        prompt.paste(pasted + b"\necho en''d\n", until=b"end\r\n")
    was_given(made, tmp_path)


def test_a_secret_that_is_not_set_stops_a_pasted_command(tmp_path: Path) -> None:
    made = hostile(tmp_path)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TERM": "xterm"}
    with Prompt(["bash", "--norc", "--noprofile", "-i"], environ, tmp_path) as prompt:
        seen = prompt.paste(shell(made).encode() + b"\necho en''d\n", until=b"end\r\n")
    assert b"VLLM_API_KEY: is a secret" in seen
    assert not (tmp_path / "given").exists()


class Prompt:
    """A shell at a terminal."""

    def __init__(self, words: list[str], environ: dict[str, str], folder: Path) -> None:
        self._ours, theirs = os.openpty()
        self._shell = subprocess.Popen(
            words, stdin=theirs, stdout=theirs, stderr=theirs, env=environ, cwd=folder,
            start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._shell.kill()
        self._shell.wait()
        os.close(self._ours)

    def paste(self, text: bytes, *, until: bytes, limit: float = 30) -> bytes:
        """Write it as fast as the terminal takes it, and read until the shell says ``until``."""
        seen, end = b"", time.monotonic() + limit
        while until not in seen:
            assert time.monotonic() < end, seen[-2000:]
            readable, writable, _ = select.select(
                [self._ours], [self._ours] if text else [], [], end - time.monotonic()
            )
            if writable:
                text = text[os.write(self._ours, text[:256]) :]
            if readable:
                seen += os.read(self._ours, 65536)
        return seen


def test_a_secret_must_be_in_the_environment_and_is_not_in_the_text() -> None:
    made = command("model: m\nserver: {api_key: '${env:K}'}\n", environ={"K": "s3cr3t", "PATH": ""})
    text = shell(made, origins=True)
    assert "s3cr3t" not in text
    ran = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=False, env={})
    assert ran.returncode != 0
    assert "VLLM_API_KEY" in ran.stderr


def test_the_document_has_the_documented_shape() -> None:
    made = command(
        "model: m\nserver: {api_key: '${env:K}', port: 9}\n", environ={"K": "s3cr3t", "PATH": ""}
    )
    shown = document(made)
    assert set(shown) == {"format_version", "argv", "env", "secrets", "origins"}
    assert shown["secrets"] == ["VLLM_API_KEY"]
    assert "s3cr3t" not in json.dumps(shown)
    origins = shown["origins"]
    assert isinstance(origins, dict)
    assert origins["--port"]["kind"] == "file"
    assert origins["--port"]["line"] == 2
    assert origins["model"]["key"] == "model.name"
    assert {word.split("=")[0] for word in made.argv if word.startswith("--")} <= set(origins)


def test_a_comment_stays_on_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a\ntouch PWNED\n.yaml"
    made = command('model: m\nvllm: {env: {A: "x\\ntouch PWNED"}}\n', path=path)
    text = shell(made, origins=True)
    comments, _, rest = text.partition("\nenv ")
    assert all(line.startswith("# ") for line in comments.splitlines())
    assert rest.startswith(r"""A="$(printf 'x\012touch PWNED')" """)


def test_what_names_the_secret_is_never_run(tmp_path: Path) -> None:
    path = tmp_path / "$(touch PWNED)`touch PWNED`.yaml"
    made = command("model: m\nserver: {api_key: '${env:K}'}\n", path=path, environ={"K": "k"})
    for origins in (False, True):
        text = shell(made, origins=origins)
        subprocess.run(["sh", "-c", text], cwd=tmp_path, check=False, capture_output=True)
    assert not (tmp_path / "PWNED").exists()


@pytest.mark.parametrize("program", ["bash", "sh"])
def test_a_secret_that_is_set_but_not_exported_reaches_vllm(program: str, tmp_path: Path) -> None:
    fake = tmp_path / "vllm"
    fake.write_text(f"#!/usr/bin/env python3\n{show('VLLM_API_KEY')}\n")
    fake.chmod(0o755)
    text = f"model: m\nserver: {{api_key: '${{env:K}}'}}\nvllm: {{command: {fake}}}\n"
    made = command(text, environ={"K": "k", "PATH": os.environ["PATH"]})
    ran = subprocess.run(
        [program, "-c", f"VLLM_API_KEY='a b'\n{shell(made)}"],
        capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert json.loads(ran.stdout)[1] == "a b"


def test_an_origin_that_does_not_fit_stands_on_a_line_of_its_own() -> None:
    made = command("model: m\nvllm:\n  args:\n    hf-overrides: {rope_scaling: {factor: 4.0}}\n")
    wide = shell(made, origins=True).splitlines()
    narrow = shell(made, origins=True, columns=60).splitlines()
    [option] = [line for line in wide if "hf-overrides" in line and line.startswith("# ")]
    assert len(option) > 60
    at = next(i for i, line in enumerate(narrow) if line.startswith("# '--hf-overrides"))
    assert option.split() == [*narrow[at].split(), *narrow[at + 1].removeprefix("#").split()]
    assert max(len(line) for line in narrow if line.startswith("# ")) <= 60
    same = [[line for line in lines if not line.startswith("# ")] for lines in (wide, narrow)]
    assert same[0] == same[1]
