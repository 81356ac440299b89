"""The command as text: what a shell reads is what would be run."""

import json
import os
import subprocess
from pathlib import Path

import pytest

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
    assert rest.startswith("A='x\ntouch PWNED' ")


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
