"""Variables and files in a profile's text."""

import dataclasses
from pathlib import Path

import pytest

from tests.settings.resolving import resolved, shown


def model(text: str, environ: dict[str, str], path: Path = Path("p.yaml")) -> object:
    return resolved(f"model: {text}\n", environ=environ, path=path).value("model", "name")


@pytest.mark.parametrize(
    ("text", "environ", "value"),
    [
        ("${env:M}", {"M": "org/name"}, "org/name"),
        ("a${env:M}b${env:N}", {"M": "1", "N": "2"}, "a1b2"),
        ("${env:M:-other}", {}, "other"),
        ("${env:M:-other}", {"M": ""}, "other"),
        ("${env:M:-}x", {}, "x"),
        ("${env:M:?say it}", {"M": "there"}, "there"),
        ("costs $5", {}, "costs $5"),
        ("${HOME}", {"HOME": "x"}, "${HOME}"),
        ("'${env:M}'", {"M": "quoted"}, "quoted"),
    ],
)
def test_variables_are_filled_in(text: str, environ: dict[str, str], value: str) -> None:
    assert model(text, environ) == value


def test_what_a_variable_holds_is_not_looked_at_again() -> None:
    assert model("${env:A}", {"A": "${env:B}", "B": "secret"}) == "${env:B}"


def test_a_file_is_read_beside_the_profile(tmp_path: Path) -> None:
    (tmp_path / "name.txt").write_text("org/name\n")
    assert model("${file:name.txt}", {}, tmp_path / "p.yaml") == "org/name"


def test_an_interpolated_number_is_a_number() -> None:
    found = resolved("model: m\nserver:\n  port: ${env:P}\n", environ={"P": "8001"})
    assert found.profile is not None
    assert found.profile.server.port == 8001


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("model: ${env:NOPE}", ["MX510 1:14"]),
        ("model: ${env:NOPE:?set it}", ["MX511 1:8"]),
        ("model: ${env:NOPE", ["MX512 1:8"]),
        ("model: ${file:nope.txt}", ["MX513 1:8"]),
        ("model: ${env:not a name}", ["MX510 1:8"]),
    ],
)
def test_what_cannot_be_filled_in_is_one_finding_at_its_place(
    line: str, expected: list[str]
) -> None:
    assert shown(resolved(line + "\n").diagnostics) == expected


def test_the_message_of_the_profile_is_shown() -> None:
    (found,) = resolved("model: ${env:NOPE:?the repository}\n").diagnostics
    assert "the repository" in found.message


def test_a_misspelt_variable_is_suggested() -> None:
    (found,) = resolved("model: ${env:MODLE_ID}\n", environ={"MODEL_ID": "x"}).diagnostics
    assert found.label == "did you mean `MODEL_ID`?"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("server: {port: '${env:HF_TOKEN}'}", "from-a-variable"),
        (
            "server: {host: 'x${env:HF_TOKEN:-}', prt: 1, port: '${env:HF_TOKEN}'}",
            "from-a-variable",
        ),
        ("server: {port: '${file:held}'}", "from-a-file"),
        ("supervisor: {stop_grace: '${file:held}'}", "from-a-file"),
        ("generation_defaults: {temperature: '${env:MY_SECRET}'}", "from-a-variable"),
    ],
)
def test_a_finding_does_not_say_what_was_filled_in(tmp_path: Path, text: str, secret: str) -> None:
    (tmp_path / "held").write_text("from-a-file\n")
    variables = {"HF_TOKEN": "from-a-variable", "MY_SECRET": "from-a-variable"}
    found = resolved(f"model: m\n{text}\n", environ=variables, path=tmp_path / "p.yaml")
    assert not found.sound
    assert secret in repr(found.values)
    assert secret not in repr(found.diagnostics)
    own = found.diagnostics[0]
    said = dataclasses.replace(own, origin=found.unseen[0][0], message=f"not `{secret}`")
    assert found.without_secrets([said])[0].message == "not `***`"


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(2**34)
    found = resolved("model: '${file:huge}'\n", path=tmp_path / "p.yaml")
    assert "is larger than 64 KiB" in repr(found.diagnostics)
