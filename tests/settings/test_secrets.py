"""No secret is repeated: not in a finding, not in the text that is shown."""

import json
import time
from pathlib import Path

import pytest

from mixvllm.settings.secrets import hides, redact
from tests.settings.resolving import resolved

S = "hunter2SECRETx"
M = "model: m\n"


@pytest.mark.parametrize(
    "text",
    [
        f"{M}server: {{api_key: [{S}]}}",
        f"{M}server:\n  api_key:{S}\n  port: 1",
        f"{M}server:\n  api_key:{S}",
        f"{M}server: {{api_key:{S}}}",
        f"{M}server: {{api_key: \u201c{S}\u201d}}",
        f"{M}server: {{api_key: !env {S}}}",
        f"{M}server: {{api_key: !{S} x}}",
        f"{M}server: {{api_key: !foo!{S} x}}",
        f"{M}server: {{api_key: &{S} x}}",
        f"{M}server: {{api_key: *{S}}}",
        f"{M}server: {{api_key: '${{env:{S} y}}'}}",
        f"{M}server: {{api_key: '${{env:NOPE:-{S}}}'}}",
        f"{M}server:\n  api_key:\n    {S}\n  port: x",
        f"{M}server:\n  api_key: |\n    {S}\n  port: x",
        f"{M}server:\n  api_key:\n  - {S}\n",
        f"{M}server:\n  api_key: 'abc\n{S}\n",
        f"{{server: {{api_key:\n{S}, port: [}}}}",
        f"x-key: &k {S}\n{M}server: {{api_key: *k, port: x}}",
        f"{M}server: {{apy_key: {S}}}",
        f"{M}vllm: {{env: {{hf-tokn: {S}, MY_PASS: {S}}}}}",
        f'{M}x-a: {{"api key": {S}}}',
        f"model: https://u:{S}@h",
        f'{M}vllm:\n  args:\n    hf-overrides: "{{\\"token\\": \\"{S}\\"}}"',
        f"{M}vllm: {{command: vllm --api-key {S}}}",
        f"{M}vllm: {{args: {{middleware: 'Bearer {S}'}}}}",
    ],
)
def test_a_secret_is_not_repeated(text: str) -> None:
    found = resolved(text)
    told = json.dumps([d.as_json() for d in found.diagnostics]) + repr(found.diagnostics)
    assert S not in told
    shown, written = found.texts_shown[Path("profile.yaml")], found.texts[Path("profile.yaml")]
    assert S not in shown
    assert [len(line) for line in shown.split("\n")] == [len(x) for x in written.split("\n")]


@pytest.mark.parametrize("digits", ["0123456", "12:34:56", "123_456"])
def test_a_secret_of_digits_is_not_repeated(digits: str) -> None:
    (found,) = resolved(f"{M}server: {{api_key: {digits}}}\n").diagnostics
    assert digits not in repr(found)
    assert found.label == "put it in quotes"


@pytest.mark.parametrize(
    "line",
    [
        "api_key: ${env:KEY}", "api_key_file: ~/key", "max_tokens: 512", "tokenizer: org/name",
        "auth: token", "api_key:", "enable-tokenizer-x: 1", "hf-token: '${file:token}'",
    ],
)  # fmt: skip
def test_what_is_no_secret_stays(line: str) -> None:
    assert redact(line) == line


def test_names_of_secrets_may_be_misspelt() -> None:
    assert all(map(hides, ["apy_key", "api_kee", "hf-tokn", "MY_PASS", "HF_TOKEN", "pasword"]))
    assert not any(map(hides, ["max_tokens", "tokenizer", "bos_token", "pass_config", "port"]))


@pytest.mark.parametrize(
    "line",
    ["a" * 200_000, "a:" * 100_000, "://" * 60_000, "--a " * 50_000, " " * 200_000 + ":",
     "a " * 100_000 + ":", '"' * 200_000],
)  # fmt: skip
def test_the_time_of_redaction_grows_with_the_length_alone(line: str) -> None:
    start = time.process_time()
    redact(line)
    assert time.process_time() - start < 2.0
