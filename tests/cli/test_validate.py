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
_FIX = {
    "type": "object",
    "required": ["replacement", "applicability", "origin"],
    "properties": {
        "replacement": {"type": "string"},
        "applicability": {"enum": ["safe", "unsafe"]},
        "origin": _ORIGIN,
    },
    "additionalProperties": False,
}
_DIAGNOSTIC = {
    "type": "object",
    "required": ["code", "rule", "severity", "message", "hint", "key", "origin", "related", "fix"],
    "properties": {
        "message": {"type": "string"},
        "hint": {"type": ["string", "null"]},
        "key": {"type": ["string", "null"]},
        "fix": {"anyOf": [{"type": "null"}, _FIX]},
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
                "required": ["path", "valid", "vllm", "fault", "diagnostics", "fixed", "diff"],
                "properties": {
                    "diagnostics": {"items": _DIAGNOSTIC},
                    "fixed": {"type": ["array", "null"], "items": _DIAGNOSTIC},
                    "diff": {"type": ["string", "null"]},
                },
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
    assert lines[-2].startswith(f"2 errors, 1 warning in {profile}   vLLM 0.32.0")
    assert lines[-1] == "`mixvllm explain MX110` tells more; --fix can mend 1 of them"


def test_a_second_place_has_its_own_label(profile: Path) -> None:
    profile.write_text("model: m\nserver:\n  port: 1\n  host: h\n  port: 2\n")
    text = mixvllm("validate", profile).stdout
    assert " 3 |   port: 1\n   |   ---- first set here\n ...\n 5 |   port: 2\n" in text


def test_the_caret_stands_under_what_is_wide_narrow_or_escaped(profile: Path) -> None:
    host = "👍模éำี\t"
    profile.write_text(f'model: m\nserver: {{host: "{host}", prot: 1}}\n', encoding="utf-8")
    lines = mixvllm("validate", profile).stdout.splitlines()
    under = next(line for line in lines if "did you mean `port`?" in line)
    # 2 + 2 columns for the two wide ones, 1 for e with its accent, 1 for the Thai letter with
    # its vowel above, 4 for the tab.
    assert under.index("^") == len(' 2 | server: {host: "') + 2 + 2 + 1 + 1 + 4 + len('", ')


def test_two_places_far_apart_on_a_long_line_are_both_shown(profile: Path) -> None:
    profile.write_text(f"model: m\nserver: {{port: 1, root_path: {'x' * 400}, port: 2}}\n")
    lines = mixvllm("validate", profile).stdout.splitlines()
    shown = [
        (lines[i - 1], line) for i, line in enumerate(lines) if "--- " in line or "^^^ " in line
    ]
    assert len(shown) == 2
    for source, marks in shown:
        column = marks.index("-") if "-" in marks else marks.index("^")
        assert source[column : column + 4] == "port"
        assert "..." in source
        assert len(source) < 180


def test_of_very_many_findings_the_rest_is_counted(profile: Path) -> None:
    profile.write_text("model: m\n" + "".join(f"key{i}: 1\n" for i in range(130)))
    ran = mixvllm("validate", profile)
    assert ran.stdout.count("error[MX100]") == 100
    assert "\nand 30 more: 30 MX100\n" in ran.stdout
    assert f"\n130 errors in {profile}" in ran.stdout
    told = json.loads(mixvllm("validate", profile, "--format", "json").stdout)
    assert len(told["profiles"][0]["diagnostics"]) == 130


def test_the_page_of_a_rule_across_options_is_named_by_the_rule(profile: Path) -> None:
    profile.write_text("model: m\nvllm: {args: {enable-auto-tool-choice: true}}\n")
    last = mixvllm("validate", profile).stdout.splitlines()[-1]
    assert last == "`mixvllm explain auto-tool-choice` tells more"


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
    assert [d["code"] for d in first["diagnostics"]] == ["MX003", "MX100", "MX600", "MX100"]
    assert first["diagnostics"][3]["origin"]["name"] == "MIXVLLM_SERVER_PORT"
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


def test_the_host_is_a_file_here_and_the_address_is_set_by_its_key(profile: Path) -> None:
    profile.write_text("model: m\n")
    ran = mixvllm("validate", profile, "--host", profile.parent / "none.json")
    assert ran.returncode == 3
    assert "none.json" in ran.stderr
    assert mixvllm("render-cmd", profile, "--host", "::1").returncode == 0


def test_an_unknown_release_to_come_from_names_the_nearest(profile: Path) -> None:
    profile.write_text("model: m\n")
    ran = mixvllm("validate", profile, "--since", "9.9")
    assert ran.returncode == 3
    assert "the nearest release known here is 0." in ran.stderr


def test_an_unknown_release_names_the_nearest(profile: Path) -> None:
    profile.write_text("model: m\n")
    ran = mixvllm("validate", profile, "--vllm", "9.9")
    assert ran.returncode == 3
    assert "no option table for vLLM 9.9" in ran.stderr
    assert "the nearest release known here is 0." in ran.stderr


def test_several_profiles_are_counted(profile: Path, tmp_path: Path) -> None:
    profile.write_text("model: m\nserver: {prot: 1}\n")
    good, none = tmp_path / "good.yaml", tmp_path / "none.yaml"
    good.write_text("model: m\n")

    def last(*words: Path | str) -> str:
        return mixvllm("validate", *words).stdout.splitlines()[-1]

    assert last(profile, good) == "1 of 2 profiles has errors"
    assert last(profile, good, profile) == "2 of 3 profiles have errors"
    assert last(good, good) == "none of 2 profiles has errors"
    assert last(profile, none) == "1 of 2 profiles has errors, 1 could not be checked"
    good.write_text("model: m\nserver: {host: 0.0.0.0}\n")
    assert last("--strict", profile, good) == "2 of 2 profiles have errors or warnings"
    assert "of 1 profile" not in mixvllm("validate", profile).stdout
    assert "none of" not in mixvllm("validate", "--diff", good, good).stdout


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
