"""`validate --format sarif`: what code scanning services are given."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest

from tests.cli.running import mixvllm
from tests.cli.sarif_shape import SARIF

BAD = Path(__file__).parents[1] / "data" / "bad_profiles"


def run_of(*words: str | Path, cwd: Path, code: int = 1, **environ: str) -> dict[str, Any]:
    """The one run of the log, checked against SARIF's schema."""
    ran = mixvllm("validate", *words, "--format", "sarif", cwd=cwd, environ=environ)
    assert ran.returncode == code, ran.stderr
    log = json.loads(ran.stdout)
    checker = jsonschema.FormatChecker()
    jsonschema.validate(log, SARIF, format_checker=checker)
    if "TEST_SARIF_SCHEMA" in os.environ:
        official = json.loads(Path(os.environ["TEST_SARIF_SCHEMA"]).read_text())
        jsonschema.validate(log, official, format_checker=checker)
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


def test_a_finding_is_a_result_with_its_rule_place_and_fix(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("model: m\nserver:\n  port: 1\n  prot: 2\n", encoding="utf-8")
    run = run_of("p.yaml", cwd=tmp_path)
    (result,) = run["results"]
    (rule,) = run["tool"]["driver"]["rules"]
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("MX100", 0, "error")
    assert rule["id"] == "MX100"
    assert rule["shortDescription"]["text"] == "an unknown key"
    assert "](" not in rule["help"]["markdown"]
    place = {
        "artifactLocation": {"uri": "p.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 4, "startColumn": 3, "endLine": 4, "endColumn": 7},
    }
    assert result["locations"] == [{"physicalLocation": place}]
    assert result["message"]["text"].startswith("unknown key `prot` in `server`: did you mean")
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [
        {"deletedRegion": place["region"], "insertedContent": {"text": "port"}}
    ]
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["invocations"][0]["executionSuccessful"] is True


def test_a_second_place_is_a_related_location(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("model: m\nserver:\n  port: 1\n  port: 2\n")
    (result,) = run_of("p.yaml", cwd=tmp_path)["results"]
    (related,) = result["relatedLocations"]
    assert related["message"]["text"] == "first set here"
    assert related["physicalLocation"]["region"]["startLine"] == 3


def test_what_has_no_place_in_a_file_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("model: m\n")
    run = run_of("p.yaml", "--set", "server.prot=1", cwd=tmp_path, MIXVLLM_SERVER_PORT="1")
    named = [r["locations"][0]["logicalLocations"][0] for r in run["results"]]
    assert {"name": "MIXVLLM_SERVER_PORT", "kind": "environment variable"} in named
    assert {"name": "--set server.prot", "kind": "command line option"} in named
    for result in run["results"]:  # a service refuses a result without a file
        physical = result["locations"][0]["physicalLocation"]
        assert physical["artifactLocation"]["uri"] == "p.yaml"


def test_a_profile_that_cannot_be_read_is_a_notification(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("model: m\n")
    run = run_of("p.yaml", "none.yaml", cwd=tmp_path, code=3)
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["exitCode"] == 3
    (told,) = invocation["toolExecutionNotifications"]
    assert told["message"]["text"].startswith("there is no file none.yaml")
    assert run["results"] == []


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("a b#c?.yaml", "a%20b%23c%3F.yaml"),
        ("a:b.yaml", "a%3Ab.yaml"),  # a bare colon would make `a` a scheme
        ("模.yaml", "%E6%A8%A1.yaml"),
        ("100%.yaml", "100%25.yaml"),
    ],
)
def test_a_file_name_is_percent_encoded(tmp_path: Path, name: str, uri: str) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / name).write_text("modle: m\n")
    for word in (name, tmp_path / name, Path("x") / ".." / name):
        (result,) = run_of(word, cwd=tmp_path)["results"]
        location = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert location == {"uri": uri, "uriBaseId": "%SRCROOT%"}
        assert unquote(uri) == name


def test_a_file_elsewhere_has_its_whole_path(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "p.yaml").write_text("modle: m\n")
    (result,) = run_of(tmp_path / "p.yaml", cwd=tmp_path / "here")["results"]
    location = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location == {"uri": f"file://{tmp_path}/p.yaml"}


def test_text_of_a_profile_is_no_link_and_no_placeholder(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text('model: m\n"[x](http://h) {0}": 1\n')
    (result,) = run_of("p.yaml", cwd=tmp_path)["results"]
    assert "](" not in result["message"]["text"]
    assert "{{0}}" in result["message"]["text"]


def test_every_bad_profile_makes_valid_sarif() -> None:
    profiles = sorted(path.name for path in BAD.glob("*.yaml"))
    run = run_of(*profiles, cwd=BAD)
    codes = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in run["results"]} == codes
    assert len(codes) > 40
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])


def test_no_secret_is_in_it(tmp_path: Path) -> None:
    secret = "sk-live-0123456789"
    (tmp_path / "p.yaml").write_text(
        f"model: m\nserver: {{api_kee: {secret}, prot: 1}}\nvllm: {{env: {{HF_TOKEN: {secret}}}}}\n"
    )
    ran = mixvllm("validate", "p.yaml", "--format", "sarif", cwd=tmp_path)
    assert secret not in ran.stdout + ran.stderr
