"""`mixvllm schema`, as its user has it."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.cli.running import mixvllm

_BARE = {"PATH": "/usr/bin:/bin"}


def test_it_goes_to_standard_output_or_to_a_file(tmp_path: Path) -> None:
    shown = mixvllm("schema", "--vllm", "0.20", environ=_BARE)
    made = json.loads(shown.stdout)
    assert made["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert made["description"] == "a mixvllm profile for vLLM 0.20.2"
    file = tmp_path / "schema.json"
    done = mixvllm("schema", "--vllm", "v0.20.0", "--output", file, environ=_BARE)
    assert (done.stdout, done.stderr, file.read_text()) == ("", "", shown.stdout)


def test_the_newest_release_where_none_is_installed() -> None:
    made = json.loads(mixvllm("schema", environ=_BARE).stdout)
    assert made["description"] == "a mixvllm profile for vLLM 0.33.0"


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    unknown = mixvllm("schema", "--vllm", "9.9", environ=_BARE)
    assert (unknown.returncode, unknown.stdout) == (3, "")
    assert "the nearest release known here is 0.33.0" in unknown.stderr
    nowhere = mixvllm("schema", "--output", tmp_path / "no" / "s.json", environ=_BARE)
    assert nowhere.returncode == 3
    assert "cannot be written: No such file or directory" in nowhere.stderr


@pytest.mark.parametrize("command", ["gpus", "fit"])
def test_the_schema_of_what_a_command_prints(command: str) -> None:
    made = json.loads(mixvllm("schema", "--of", command, environ=_BARE).stdout)
    assert made["title"] == f"mixvllm {command} --format json"
    Draft202012Validator.check_schema(made)
    refused = mixvllm("schema", "--of", command, "--vllm", "0.30.0", environ=_BARE)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"error: --vllm does not go with --of {command}")
