"""`validate --fix` and `--diff` as their user sees them."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import mixvllm

TEXT = "modle: org/name # which\nserver:\n  prot: 8000\n  hots: x\nvllm: {args: {tp-size: 2}}\n"
FIXED = TEXT.replace("modle", "model").replace("prot", "port").replace("hots", "host")


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "p.yaml"
    path.write_text(TEXT)
    return path


def test_what_was_fixed_is_said_and_then_what_remains(profile: Path) -> None:
    ran = mixvllm("validate", profile, "--fix", "--vllm", "0.32.0")
    assert ran.returncode == 1  # the guess remains
    assert profile.read_text() == FIXED
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("fixed 3 of ")
    assert lines[0].endswith(f" findings in {profile}")
    assert any(line.startswith("error[MX200]: unknown vLLM option `tp-size`") for line in lines)
    assert not any("MX100" in line for line in lines)
    assert "--fix" not in lines[-1]
    again = mixvllm("validate", profile, "--fix", "--vllm", "0.32.0")
    assert again.stdout.startswith("fixed 0 of ")
    assert profile.read_text() == FIXED


def test_a_profile_that_is_mended_whole_is_valid(profile: Path) -> None:
    profile.write_text("modle: org/name\n")
    ran = mixvllm("validate", profile, "--fix", "--vllm", "0.32.0")
    assert ran.returncode == 0
    assert ran.stdout == (
        f"fixed 1 of 1 finding in {profile}\n{profile} is valid for vLLM 0.32.0 on this machine\n"
    )
    assert mixvllm("validate", profile, "--fix").stdout.count("\n") == 1


def test_a_valid_profile_is_not_written(profile: Path) -> None:
    profile.write_text("model: org/name\n")
    before = profile.stat()
    assert mixvllm("validate", profile, "--fix").returncode == 0
    assert (profile.stat().st_ino, profile.stat().st_mtime_ns) == (
        before.st_ino, before.st_mtime_ns,
    )  # fmt: skip


def test_the_diff_is_all_that_stdout_has_and_patch_takes_it(profile: Path) -> None:
    ran = mixvllm("validate", "p.yaml", "--diff", "--vllm", "0.32.0", cwd=profile.parent)
    assert ran.returncode == 1
    assert profile.read_text() == TEXT
    assert ran.stdout.startswith("--- p.yaml\n+++ p.yaml\n@@ ")
    assert ran.stderr.startswith("would fix 3 of ")
    both = mixvllm("validate", "p.yaml", "--diff", "--fix", "--vllm", "0.32.0", cwd=profile.parent)
    assert both.stdout == ran.stdout
    subprocess.run(
        ["git", "apply", "-p0", "-"], input=ran.stdout, text=True, check=True, cwd=profile.parent
    )
    assert profile.read_text() == FIXED


def test_standard_input_comes_out_mended() -> None:
    ran = mixvllm("validate", "-", "--fix", "--stdin-filename", "p.yaml", stdin=TEXT)
    assert ran.returncode == 1
    assert ran.stdout == FIXED
    assert ran.stderr.startswith("fixed 3 of ")
    assert "error[MX200]" in ran.stderr
    same = mixvllm("validate", "-", "--fix", stdin="model: org/name")
    assert (same.returncode, same.stdout) == (0, "model: org/name")


def test_standard_input_can_be_read_once() -> None:
    ran = mixvllm("validate", "-", "-", stdin="model: m\n")
    assert ran.returncode == 2
    assert "standard input can be read once" in ran.stderr


def test_json_is_one_document_that_tells_what_was_fixed(profile: Path) -> None:
    for words in (["--diff"], ["--fix"]):
        ran = mixvllm("validate", profile, *words, "--format", "json", "--vllm", "0.32.0")
        (told,) = json.loads(ran.stdout)["profiles"]
        assert [d["code"] for d in told["fixed"]] == ["MX100", "MX100", "MX100"]
        assert told["fixed"][0]["fix"]["applicability"] == "safe"
        assert "+  port: 8000\n" in told["diff"]
        left = [d["code"] for d in told["diagnostics"]]
        assert ("MX100" in left) == (words == ["--diff"])
    (told,) = json.loads(mixvllm("validate", profile, "--format", "json").stdout)["profiles"]
    assert (told["fixed"], told["diff"]) == (None, None)


@pytest.mark.parametrize("form", ["sarif", "github"])
def test_other_forms_tell_what_remains_and_take_no_diff(profile: Path, form: str) -> None:
    assert mixvllm("validate", profile, "--diff", "--format", form).returncode == 2
    ran = mixvllm("validate", profile, "--fix", "--format", form)
    assert profile.read_text() == FIXED
    assert "MX200" in ran.stdout
    assert "MX100" not in ran.stdout


def test_a_file_that_another_extends_is_seen_as_it_is_in_the_end(tmp_path: Path) -> None:
    base, top = tmp_path / "base.yaml", tmp_path / "top.yaml"
    base.write_text("model: org/name\nserver: {prot: 8000}\n")
    top.write_text("extends: base.yaml\ninference: {dtype: atuo}\n")
    alone = mixvllm("validate", top, "--fix")
    assert alone.returncode == 1
    assert "prot" in base.read_text()
    assert "--fix" not in alone.stdout.splitlines()[-1]
    both = mixvllm("validate", top, base, "--fix")
    assert both.returncode == 0, both.stdout
    assert base.read_text() == "model: org/name\nserver: {port: 8000}\n"


def test_a_profile_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    device = tmp_path / "p.yaml"
    device.symlink_to("/proc/self/cmdline")
    ran = mixvllm("validate", device, "--fix")
    assert ran.returncode in (1, 3)
    assert "Traceback" not in ran.stderr


def test_secrets_are_kept_in_the_file_and_out_of_what_is_said(profile: Path) -> None:
    secret = "sk-live-0123456789"
    text = f"modle: m\nserver:\n  api_key: {secret}\n  prot: 1\n"
    for words in (["--diff"], ["--diff", "--format", "json"], ["--fix"]):
        profile.write_text(text)
        ran = mixvllm("validate", profile, *words)
        assert secret not in ran.stdout + ran.stderr
    assert profile.read_text() == text.replace("modle", "model").replace("prot", "port")


def test_fixing_code_is_loaded_only_when_asked_for(profile: Path) -> None:
    from tests.cli.test_main import imported

    profile.write_text("model: m\n")
    own = {
        "mixvllm.services.validate.fixes",
        "mixvllm.services.validate.sarif",
        "mixvllm.services.files.rewrite",
        "mixvllm.cli.annotations",
    }
    assert not own & imported("validate", str(profile))
    assert "mixvllm.services.validate.fixes" in imported("validate", str(profile), "--diff")
