"""What may not stand in a profile, in argv, or open to the network."""

import os
from pathlib import Path

import pytest

from tests.rules.checking import args, checked, found

_ENVIRON = {"PATH": "", "K": "a-key", "EMPTY": ""}


def codes(text: str, path: Path = Path("profile.yaml")) -> list[str]:
    return sorted(d.code for d in checked(text, path=path, environ=_ENVIRON).diagnostics)


@pytest.mark.parametrize(
    "line", ["api_key: null", "api_key: ' '", "api_key: '${env:EMPTY}'", "api_key_file: ''"]
)
def test_an_empty_key_is_refused_and_guards_nothing(line: str) -> None:
    assert codes(f"model: m\nserver:\n  {line}\n") == ["MX606"]
    assert codes(f"model: m\nserver:\n  host: 0.0.0.0\n  {line}\n") == ["MX604", "MX606"]


def test_an_empty_key_among_the_variables_is_refused() -> None:
    assert found("model: m\nvllm:\n  env:\n    VLLM_API_KEY: null\n") == ["MX606 4:19"]


def test_a_key_that_could_not_be_had_is_not_called_missing_too() -> None:
    assert codes("model: m\nserver: {host: 0.0.0.0, api_key: '${env:NOPE}'}\n") == ["MX510"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "MX606"), (b" \n", "MX606"), (b"one\ntwo\n", "MX800"), (b"\xff\xfe\x80", "MX800"),
        (b"a" * 70_000, "MX800"), (b"a\0b", "MX800"), (b"key\n", ""),
    ],
)  # fmt: skip
def test_the_file_of_a_key_holds_one(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "key").write_bytes(content)
    text = "model: m\nserver: {api_key_file: key}\n"
    assert codes(text, tmp_path / "p.yaml") == ([code] if code else [])


@pytest.mark.timeout(20)
def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, why in (("folder", "is a folder"), ("pipe", "is not a regular file")):
        (only,) = checked(
            f"model: m\nserver: {{api_key_file: {name}}}\n", path=tmp_path / "p.yaml"
        ).diagnostics
        assert (only.code, only.message.endswith(why)) == ("MX800", True)


def test_a_key_in_two_places_names_both(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k")
    text = (
        "model: m\nserver:\n  api_key_file: key\n  api_key: ${env:K}\n"
        "vllm: {env: {VLLM_API_KEY: '${env:K}'}}\n"
    )
    first, second = checked(text, path=tmp_path / "p.yaml", environ=_ENVIRON).diagnostics
    assert first.code == second.code == "MX607"
    assert "server.api_key and server.api_key_file" in first.message
    assert "server.api_key and vllm.env.VLLM_API_KEY" in second.message


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("api_key: plaintext  # was ${env:KEY}", True),
        ("api_key: ${env:NOPE:-plaintext}", True),
        ("api_key: x-${env:K}", False),
        ("api_key: '${env:K}'", False),
    ],
)
def test_plain_text_is_seen_in_the_value_itself(line: str, plain: bool) -> None:
    assert codes(f"model: m\nserver:\n  {line}\n") == (["MX600"] if plain else [])


@pytest.mark.parametrize(
    ("env", "secret"),
    [
        ("AWS_SECRET_KEY: a", True), ("DB_PASS: a", True), ("PRIVATE_KEY: a", True),
        ("HF_TOKEN_2: a", True), ("OPENAI_KEY: a", True), ("AUTH_HEADER: a", True),
        ("A: hf_abcdefghij", True), ("A: sk-abcdefghij", True), ("A: pg://u:pw@host/db", True),
        ("GOOGLE_APPLICATION_CREDENTIALS: /x.json", False), ("KV_CACHE_TOKENS: 5", False),
        ("A: http://host:80/path", False), ("COMPASS: north", False), ("A: risk-averse", False),
    ],
)  # fmt: skip
def test_a_secret_is_known_by_its_name_or_its_form(env: str, secret: bool) -> None:
    assert codes(f"model: m\nvllm:\n  env:\n    {env}\n") == (["MX600"] if secret else [])


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("additional-config: {aws_secret_access_key: '${env:K}'}", True),
        ('additional-config: \'{"deep": [{"api_key": "x"}]}\'', True),
        ("served-model-name: [a, sk-abcdefghij]", True),
        ("hf-overrides: {eos_token: x}", False),
        ("max-num-batched-tokens: 5000", False),
    ],
)
def test_a_secret_may_not_stand_in_argv(line: str, secret: bool) -> None:
    assert codes(args(line)) == (["MX608"] if secret else [])


def test_a_secret_in_the_command_is_a_warning() -> None:
    text = "model: m\nvllm: {command: [/usr/bin/env, HF_TOKEN=abc, vllm]}\n"
    (only,) = checked(text).diagnostics
    assert (only.code, only.severity.value) == ("MX608", "warning")
    assert checked(text.replace("=abc", "")).diagnostics == ()


@pytest.mark.parametrize(
    ("terminal", "is_open"),
    [
        ("enabled: true, host: 0.0.0.0", True),
        ("enabled: true, host: 0.0.0.0, tls: true", False),
        ("enabled: true, host: 0.0.0.0, tls: true, auth: none", True),
        ("enabled: true, auth: none", False),
        ("host: 0.0.0.0", False),
    ],
)
def test_a_terminal_is_not_open_to_the_network(terminal: str, is_open: bool) -> None:
    assert codes(f"model: m\nterminal: {{{terminal}}}\n") == (["MX601"] if is_open else [])
