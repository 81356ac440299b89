"""A plain command line means what Typer would make of it."""

import contextlib
import importlib
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixvllm.cli.commands import COMMANDS, Command, find
from mixvllm.cli.exits import run
from mixvllm.cli.plain import PlainWords, plain_words

RENDER = find("render-cmd")
VALIDATE = find("validate")
_WORDS = ["p.yaml", "q.yaml", "none.yaml", "--", "--format", "--format=json", "json", "text", "xml",
          "--vllm", "0.30.0", "--vllm=0.29.0", "--vllm=", "9.9", "--origins", "--strict",
          "--target=shell", "--target", "--form=json", "--port", "--port=1", "-p", "-x", "",
          "--strict=1", "--help", "--since", "0.20.0"]  # fmt: skip


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("profiles")
    (folder / "p.yaml").write_text("model: m\ninference: {dtype: half}\n")
    (folder / "q.yaml").write_text("model: m\nvllm: {args: {swap-space: 4}}\n")
    return folder


def outcome(command: Command, words: list[str], at: Path) -> tuple[int, str]:
    """The exit code and what was printed, without the time that it took."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(at), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(command, words)
    printed = [*out.getvalue().splitlines(), *err.getvalue().splitlines()]
    return code, "\n".join(line for line in printed if not line.endswith(" s"))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(_WORDS), max_size=5), st.sampled_from([RENDER, VALIDATE]))
def test_both_ways_end_alike(profiles: Path, words: list[str], command: Command | None) -> None:
    assert command is not None
    if plain_words(command, words) is not None:
        by_typer = replace(command, plain_options={})
        assert outcome(command, words, profiles) == outcome(by_typer, words, profiles)


def test_the_everyday_forms_are_plain() -> None:
    assert RENDER is not None
    assert VALIDATE is not None
    assert plain_words(RENDER, ["p.yaml", "--format", "json"]) == PlainWords(
        {"--format": "json"}, ("p.yaml",)
    )
    plain = plain_words(VALIDATE, ["--strict", "--", "-x"])
    assert plain == PlainWords({"--strict": None}, ("-x",))


@pytest.mark.parametrize(
    "words", [["p", "--port", "1"], ["p", "--form=json"], ["--help"], [], ["p", "--format", "xml"],
              ["p", "--format"], ["p", "--origins=1"], ["p", "--vllm", "--origins"]]
)  # fmt: skip
def test_everything_else_is_typers(words: list[str]) -> None:
    assert RENDER is not None
    assert plain_words(RENDER, words) is None


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.plain_options], ids=lambda c: c.name)
def test_a_plain_module_is_there(command: Command) -> None:
    assert callable(importlib.import_module(command.plain_module).run_plainly)
