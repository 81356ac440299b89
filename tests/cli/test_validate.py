"""`mixvllm validate` as its user sees it."""

import json
from pathlib import Path

import jsonschema
import pytest

from tests.cli.running import mixvllm

_ORIGIN = {
    "type": "object",
    "required": ["kind", "path", "line", "column", "end_line", "end_column", "name"],
    "properties": {"kind": {"enum": ["file", "env", "cli", "default"]}},
    "maxProperties": 7,
}
_DIAGNOSTIC = {
    "type": "object",
    "required": ["code", "rule", "severity", "message", "hint", "key", "origin", "related", "fix"],
    "properties": {
        "message": {"type": "string"},
        "hint": {"type": ["string", "null"]},
        "key": {"type": ["string", "null"]},
        "fix": {"type": ["object", "null"]},
        "rule": {"type": ["string", "null"]},
        "code": {"pattern": "^MX[0-9]{3}$"},
        "severity": {"enum": ["error", "warning", "info"]},
        "origin": _ORIGIN,
        "related": {"items": {"required": ["label", "origin"], "properties": {"origin": _ORIGIN}}},
    },
    "additionalProperties": False,
}
REPORT = {
    "type": "object",
    "required": ["format_version", "vllm", "profiles"],
    "properties": {
        "format_version": {"const": 1},
        "profiles": {
            "items": {
                "required": ["path", "valid", "diagnostics"],
                "properties": {"diagnostics": {"items": _DIAGNOSTIC}},
            }
        },
    },
}


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    return tmp_path / "p.yaml"


def test_a_clean_profile_is_one_line(profile: Path) -> None:
    profile.write_text("model: org/name\n")
    ran = mixvllm("validate", profile, "--vllm", "0.32.0")
    assert ran.returncode == 0
    assert ran.stdout == f"{profile} is valid for vLLM 0.32.0 on this machine\n"
    assert ran.stderr == ""


def test_findings_show_their_lines_with_a_caret_of_the_right_width(profile: Path) -> None:
    profile.write_text("model: m\nserver:\n  port: 模型八千\n  host: a\n  hots: b\n")
    ran = mixvllm("validate", profile, "--vllm", "0.32.0")
    assert ran.returncode == 1
    lines = ran.stdout.splitlines()
    at = lines.index(" 3 |   port: 模型八千")
    assert lines[at - 3 : at + 3] == [
        "error[MX110]: `server.port` takes an integer, this is a string",
        f"  --> {profile}:3:9",
        "   |",
        " 3 |   port: 模型八千",
        "   |         ^^^^^^^^",
        "   |",
    ]
    assert "   |   ^^^^ did you mean `host`?" in lines
    assert lines[-1].startswith(f"2 errors, 1 warning in {profile}   vLLM 0.32.0")


def test_a_second_place_has_its_own_label(profile: Path) -> None:
    profile.write_text("model: m\nserver:\n  port: 1\n  host: h\n  port: 2\n")
    text = mixvllm("validate", profile).stdout
    assert " 3 |   port: 1\n   |   ---- first set here\n ...\n 5 |   port: 2\n" in text


def test_strict_counts_warnings(profile: Path) -> None:
    profile.write_text("model: m\nserver:\n")
    assert mixvllm("validate", profile).returncode == 0
    assert mixvllm("validate", profile, "--strict").returncode == 1


def test_json_has_the_documented_shape(profile: Path, tmp_path: Path) -> None:
    profile.write_text("model: m\nserver:\n  port: 1\n  port: 2\n  api_kee: sk-123456789\n")
    ran = mixvllm("validate", profile, tmp_path / "none.yaml", "--format", "json",
                  environ={"MIXVLLM_SERVER_PORT": "1"})  # fmt: skip
    assert ran.returncode == 3
    report = json.loads(ran.stdout)
    jsonschema.validate(report, REPORT)
    first, second = report["profiles"]
    assert [d["code"] for d in first["diagnostics"]] == ["MX003", "MX100", "MX100"]
    assert first["diagnostics"][2]["origin"]["name"] == "MIXVLLM_SERVER_PORT"
    assert second["fault"]["message"].startswith("there is no file")
    assert not second["valid"]


@pytest.mark.parametrize("secret", ["sk-live-0123456789", "hunter2-hunter2"])
def test_a_secret_is_never_printed(profile: Path, secret: str) -> None:
    profile.write_text(
        f"model: m\nserver:\n  api_key: {secret}\n  api_kee: {secret}\n  password: {secret}\n"
        f"vllm:\n  env:\n    HF_TOKEN: {secret}\n  args:\n    api-key: {secret}\n"
    )
    for form in ("text", "json"):
        ran = mixvllm("validate", profile, "--format", form)
        assert ran.returncode == 1
        assert secret not in ran.stdout + ran.stderr


def test_standard_input_may_have_a_name() -> None:
    ran = mixvllm("validate", "-", "--stdin-filename", "x/p.yaml", stdin="modle: m\n")
    assert ran.returncode == 1
    assert "--> x/p.yaml:1:1" in ran.stdout
    assert "--> <stdin>:1:1" in mixvllm("validate", "-", stdin="modle: m\n").stdout


def test_options_and_set_reach_the_check(profile: Path) -> None:
    profile.write_text("model: m\n")
    ran = mixvllm("validate", profile, "--port", "eighty", "--set", "server.hots=x")
    assert ran.returncode == 1
    assert "--> --port" in ran.stdout
    assert "--> --set server.hots" in ran.stdout
    assert mixvllm("validate", profile, "--set", "nonsense").returncode == 2


def test_an_unknown_release_names_the_nearest(profile: Path) -> None:
    profile.write_text("model: m\n")
    ran = mixvllm("validate", profile, "--vllm", "9.9")
    assert ran.returncode == 3
    assert "no option table for vLLM 9.9" in ran.stderr
    assert "the nearest release known here is 0." in ran.stderr


def test_what_is_no_readable_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.yaml"):
        ran = mixvllm("validate", path)
        assert (ran.returncode, ran.stdout) == (3, "")
        assert str(path) in ran.stderr


def test_colours_only_where_they_are_wanted(profile: Path) -> None:
    profile.write_text("modle: m\n")
    assert "\x1b" not in mixvllm("validate", profile).stdout
    assert "\x1b[31;1merror" in mixvllm("validate", profile, environ={"FORCE_COLOR": "1"}).stdout
    both = {"FORCE_COLOR": "1", "NO_COLOR": "1"}
    assert "\x1b" not in mixvllm("validate", profile, environ=both).stdout


def test_text_of_a_profile_cannot_steer_the_terminal(profile: Path) -> None:
    profile.write_text('model: m\n"\\e]0;owned\\a": 1\n')
    ran = mixvllm("validate", profile)
    assert ran.returncode == 1
    assert "\x1b" not in ran.stdout
