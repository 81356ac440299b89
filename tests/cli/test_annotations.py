"""`validate --format github`: workflow commands, and nothing else that could be one."""

import re
from pathlib import Path

import pytest

from tests.cli.running import mixvllm

COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")


def lines_of(*words: str | Path, cwd: Path) -> list[tuple[str, dict[str, str], str]]:
    """Every line as the runner reads it: command, properties, message."""
    out = mixvllm("validate", *words, "--format", "github", cwd=cwd).stdout
    found = []
    for line in out.removesuffix("\n").split("\n") if out else ():
        match = COMMAND.fullmatch(line)
        assert match, line
        pairs = [pair.split("=", 1) for pair in match[2].split(",")]
        found.append((match[1], {name: unescaped(value) for name, value in pairs}, match[3]))
    return found


def unescaped(value: str) -> str:
    for sign, escape in ((":", "%3A"), (",", "%2C"), ("\r", "%0D"), ("\n", "%0A"), ("%", "%25")):
        value = value.replace(escape, sign)
    return value


def test_a_finding_stands_beside_its_line(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("model: m\nserver:\n  prot: 2\n  host: 0.0.0.0\n")
    assert lines_of("p.yaml", cwd=tmp_path) == [
        (
            "error",
            {
                "file": "p.yaml", "line": "3", "col": "3", "endLine": "3", "endColumn": "7",
                "title": "MX100",
            },
            "unknown key `prot` in `server`: did you mean `port`?",
        ),
        (
            "warning",
            {
                "file": "p.yaml", "line": "4", "col": "9", "endLine": "4", "endColumn": "16",
                "title": "MX604",
            },
            "the API is open to the network at 0.0.0.0 without a key:"
            " set server.api_key_file, or host: 127.0.0.1",
        ),
    ]  # fmt: skip


def test_columns_are_told_of_one_line_only(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("model: m\nserver: [\n  1,\n  2]\n")
    ((_, properties, _),) = lines_of("p.yaml", cwd=tmp_path)
    assert (properties["line"], properties["endLine"]) == ("2", "4")
    assert "col" not in properties


@pytest.mark.parametrize(
    "key",
    [
        "x\\n::set-output name=a::b",
        "x\\r\\n::error::y",
        "::stop-commands::z",
        "a,b=c::d",
        "100%0Ax",
    ],
)
def test_a_key_cannot_give_a_command(tmp_path: Path, key: str) -> None:
    (tmp_path / "p.yaml").write_text(f'model: m\n"{key}": 1\n')
    ((command, properties, message),) = lines_of("p.yaml", cwd=tmp_path)
    assert (command, properties["title"]) == ("error", "MX100")
    assert message.startswith("unknown key")
    assert "%0A" not in message.replace("%250A", "")


@pytest.mark.parametrize("name", ["a,b:c.yaml", "50%.yaml", "line=9,title=x.yaml"])
def test_a_file_name_is_the_name_of_the_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("modle: m\n")
    ((_, properties, _),) = lines_of(name, cwd=tmp_path)
    assert (properties["file"], properties["line"]) == (name, "1")


def test_a_file_name_cannot_give_a_command(tmp_path: Path) -> None:
    name = "p\n::error title=owned::x.yaml"
    (tmp_path / "none").mkdir()
    path = tmp_path / name
    path.write_text("modle: m\n")
    for word in (path, "missing\n::error::x.yaml"):
        ((_, properties, _),) = lines_of(word, cwd=tmp_path)
        assert properties["title"] in ("MX100", "mixvllm")


def test_what_has_no_place_in_a_file_names_itself(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("model: m\n")
    ((_, properties, message),) = lines_of("p.yaml", "--set", "server.prot=1", cwd=tmp_path)
    assert properties == {"title": "MX100"}
    assert message.startswith("--set server.prot: unknown key `prot`")


def test_a_good_profile_is_silence(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("model: org/name\n")
    assert lines_of("p.yaml", cwd=tmp_path) == []
