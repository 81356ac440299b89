"""`mixvllm render-cmd` as its user sees it."""

import json
from pathlib import Path

from mixvllm.testing.small_checkpoint import write_checkpoint
from tests.cli.running import mixvllm


def test_shell_text_goes_to_stdout_and_findings_to_stderr(tmp_path: Path) -> None:
    profile = tmp_path / "p.yaml"
    profile.write_text("model: m\nserver: {host: 0.0.0.0}\n")
    ran = mixvllm("render-cmd", profile, "--vllm", "0.32.0", "--port", "9")
    assert ran.returncode == 0
    assert "serve m \\\n  --host=0.0.0.0 \\\n  --port=9" in ran.stdout
    assert "MX604" in ran.stderr
    assert "MX604" not in ran.stdout


def test_json_by_either_option(tmp_path: Path) -> None:
    profile = tmp_path / "p.yaml"
    profile.write_text("model: m\n")
    one = mixvllm("render-cmd", profile, "--format", "json")
    assert one.stdout == mixvllm("render-cmd", profile, "--target", "json").stdout
    assert json.loads(one.stdout)["format_version"] == 1


def test_a_profile_from_standard_input(tmp_path: Path) -> None:
    profile = tmp_path / "p.yaml"
    profile.write_text("model: m\n")
    piped = mixvllm("render-cmd", "-", stdin="model: m\n")
    assert (piped.returncode, piped.stdout) == (0, mixvllm("render-cmd", profile).stdout)
    with_port = mixvllm("render-cmd", "-", "--port", "9", stdin="model: m\n")  # read by Typer
    assert "--port=9" in with_port.stdout
    broken = mixvllm("render-cmd", "-", stdin="modle: m\n")
    assert (broken.returncode, broken.stdout) == (1, "")
    assert "<stdin>:1:1" in broken.stderr


def test_a_profile_with_errors_renders_nothing(tmp_path: Path) -> None:
    profile = tmp_path / "p.yaml"
    profile.write_text("model: m\nserver: {prot: 1}\n")
    ran = mixvllm("render-cmd", profile)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "MX100" in ran.stderr
    as_json = mixvllm("render-cmd", profile, "--format", "json")
    assert as_json.returncode == 1
    assert [d["code"] for d in json.loads(as_json.stdout)["diagnostics"]] == ["MX100"]


def test_every_shipped_profile_loads_and_renders(tmp_path: Path) -> None:
    model = write_checkpoint(tmp_path / "model")
    folder = Path(__file__).parents[2] / "profiles"
    profiles = sorted(folder.glob("*.yaml"))
    assert len(profiles) >= 6
    for profile in profiles:
        ran = mixvllm("render-cmd", profile, environ={"DEMO_MODEL": str(model)})
        assert ran.returncode == 0, (profile, ran.stderr)
        assert " serve " in ran.stdout
        assert profile.read_text().startswith("#"), f"{profile} says nothing of its hardware"
