"""What ends a `serve` before anything is started: quickly, in a sentence, with the right code."""

import json
import os
import resource
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.life.lives import SERVE, Case, Life


def serve(
    case: Case, *options: str, env: Mapping[str, str] | None = None, path: Path | None = None,
    before: Callable[[], None] | None = None,
) -> "subprocess.CompletedProcess[str]":  # fmt: skip
    """The command, to its end; nothing of it may be left."""
    ended = subprocess.run(
        [*SERVE, str(path or case.path), *options],
        env={**os.environ, **case.environment, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        preexec_fn=before,
    )
    assert "Traceback" not in ended.stderr
    assert case.tagged() == []
    return ended


def test_a_port_that_somebody_listens_on(tmp_path: Path) -> None:
    case = Case(tmp_path)
    with socket.create_server(("127.0.0.1", case.port)):
        ended = serve(case)
    assert ended.returncode == 3
    assert f"error: port {case.port} on 127.0.0.1 is taken by pid {os.getpid()} (" in ended.stderr
    assert f"--set server.port={case.port + 1}" in ended.stderr
    assert ended.stdout == ""
    assert not case.runs.exists()


def test_a_second_serve_on_a_port_is_refused_from_the_first_moment_on(tmp_path: Path) -> None:
    first, second = Case(tmp_path, "hang@imports"), Case(tmp_path)
    with Life(first) as life:
        life.wait_pid()  # vLLM has not bound its port yet, and will not for long
        ended = serve(second, "--port", str(first.port))
        assert ended.returncode == 3
        holder = f"pid {life.process.pid} ("
        assert f"port {first.port} on 127.0.0.1 is taken by {holder}" in ended.stderr
        assert "mixvllm serve" in ended.stderr
        wide = serve(second, "--port", str(first.port), "--host", "0.0.0.0")
        assert wide.returncode == 3
        assert holder in wide.stderr
        elsewhere = Case(tmp_path, "exit=1@imports")
        assert serve(elsewhere).returncode == 4  # another port is free
        life.kill(life.process.pid)
        life.wait_exit()
        first.wait_nothing_left()
    assert serve(Case(tmp_path, "exit=1@imports"), "--port", str(first.port)).returncode == 4


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_this_machine_has_not(tmp_path: Path, host: str) -> None:
    ended = serve(Case(tmp_path), "--host", host)
    assert ended.returncode == 3
    assert f"error: {host} is no address of this machine" in ended.stderr


def test_no_vllm(tmp_path: Path) -> None:
    case = Case(tmp_path, profile={"vllm": {"command": None}})
    ended = serve(case, env={"PATH": str(tmp_path)})
    if ended.returncode != 3:
        pytest.skip("vLLM is installed beside mixvllm")
    assert "no vLLM was found" in ended.stderr
    assert "pip install 'mixvllm[vllm]'" in ended.stderr


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    ended = serve(Case(tmp_path, profile={"vllm": {"command": ["/nowhere/vllm"]}}))
    assert ended.returncode == 3
    assert "vllm.command starts with `/nowhere/vllm`, which does not exist" in ended.stderr


def test_a_command_that_is_no_program(tmp_path: Path) -> None:
    text = tmp_path / "notes"
    text.write_text("just words")
    text.chmod(0o755)
    ended = serve(Case(tmp_path, profile={"vllm": {"command": [str(text)]}}))
    assert ended.returncode == 3
    assert f"{text} is no program for this machine" in ended.stderr


def test_a_model_folder_that_is_not_there(tmp_path: Path) -> None:
    case = Case(tmp_path, profile={"model": {"name": "./no-such-model"}})
    ended = serve(case)
    assert ended.returncode == 1
    assert "MX700" in ended.stderr
    assert f"{case.path} has errors; nothing was started" in ended.stderr


@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        (lambda path: path.mkdir(), 3, "is a folder"),
        (lambda path: None, 3, "there is no file"),
        (lambda path: path.symlink_to(path.name), 3, "symbolic links"),
        (lambda path: path.write_text("model: [a\n"), 1, "MX0"),
        (lambda path: path.write_bytes(b"model: \xff\xfe\n"), 1, "MX0"),
        (lambda path: path.write_text(""), 1, "MX"),
    ],
    ids=["folder", "missing", "unreadable", "no YAML", "no text", "empty"],
)
def test_a_profile_that_is_none(
    tmp_path: Path, make: Callable[[Path], object], code: int, says: str
) -> None:
    case = Case(tmp_path)
    path = tmp_path / "profile.yaml"
    make(path)
    ended = serve(case, path=path)
    assert ended.returncode == code, ended.stderr
    assert says in ended.stderr
    assert "profile.yaml" in ended.stderr


def test_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    def no_bytes() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    case = Case(tmp_path)
    ended = serve(case, before=no_bytes)
    assert ended.returncode == 3
    assert f"error: no file can be written in {case.runs}: File too large" in ended.stderr
    assert "--set logging.directory=DIR" in ended.stderr
    assert list(case.runs.iterdir()) == []


def test_a_log_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    ended = serve(Case(tmp_path))
    assert ended.returncode == 3
    assert f"the folder of the logs {tmp_path / 'runs'} cannot be used" in ended.stderr


def test_what_this_version_does_not_serve(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.path.write_text(json.dumps({**json.loads(case.path.read_text()), "replicas": 2}))
    ended = serve(case)
    assert ended.returncode == 3
    assert "`replicas`" in ended.stderr


def test_a_refusal_in_json_is_one_document(tmp_path: Path) -> None:
    case = Case(tmp_path)
    with socket.create_server(("127.0.0.1", case.port)):
        ended = serve(case, "--format", "json")
    document = json.loads(ended.stdout)
    assert document["error"]["exit_code"] == ended.returncode == 3
    assert f"pid {os.getpid()}" in document["error"]["message"]


def test_wrong_usage(tmp_path: Path) -> None:
    assert serve(Case(tmp_path), "--no-such-option").returncode == 2
    assert serve(Case(tmp_path), "--set", "server.port").returncode == 2
