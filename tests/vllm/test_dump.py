"""The dump of a parser, of getters and of classes like vLLM's; and of vLLM, where there is one."""

import argparse
import dataclasses
import enum
import json
import os
import subprocess  # the dump runs in the Python that has vLLM
import sys
from collections.abc import Callable
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

import pytest

from mixvllm.vllm import dump
from mixvllm.vllm.dump import (
    SPELLINGS,
    plain,
    read_configs,
    read_options,
    read_variables,
    spell_annotation,
    spell_type,
)
from mixvllm.vllm.options import known_releases
from mixvllm.vllm.pack import decode, facts_of, unfold
from mixvllm.vllm.table import RELEASES

VLLM_PYTHON = os.environ.get("TEST_VLLM_PYTHON", "")


@dataclasses.dataclass(frozen=True)
class Bound:
    """As pydantic keeps Field(ge=1) in a field's metadata."""

    ge: int


@dataclasses.dataclass(frozen=True)
class GetPydanticSchema:
    """The name is what counts: pydantic takes other values than the annotation says."""


class Mode(enum.Enum):
    """A default that is an enum."""

    FAST = 1


@dataclasses.dataclass
class Inner:
    """A nested config class."""

    size: Annotated[int, Bound(1)] = 1


@dataclasses.dataclass
class Outer:
    """A config class."""

    inner: Inner | None = None
    way: Literal["a", "b"] | None = None
    named: Annotated[Inner, GetPydanticSchema()] | None = None
    hidden: dict[str, Any] = dataclasses.field(default_factory=dict, init=False)


def optional_type(convert: Callable[[str], object]) -> Callable[[str], object]:
    def _optional_type(text: str) -> object:
        return None if text in ("", "None") else convert(text)

    return _optional_type


def parse_dataclass(text: str, cls: type = Outer) -> object:
    return cls(**json.loads(text))


@pytest.mark.parametrize(
    ("convert", "spelled"),
    [
        (None, None),
        (int, "int"),
        (json.loads, "loads"),
        (optional_type(int), "optional[int]"),
        (optional_type(parse_dataclass), "optional[json[Outer]]"),
        (lambda text: text.lower().replace("-", "_"), 'lambda["a_b,7"]'),
        (lambda text: text.split(","), 'lambda[["A-b", "7"]]'),
    ],
)
def test_converters_are_named_through_their_wrappings(convert: object, spelled: str | None) -> None:
    assert spell_type(convert) == spelled


@pytest.mark.parametrize(
    ("annotation", "spelled"),
    [
        (int, "int"),
        (int | None, "int | None"),
        (list[int | str] | None, "list[int | str] | None"),
        (Literal["a", 2], "Literal['a', 2]"),
        (Annotated[int, Bound(1)], "int"),
        (Annotated[Inner, GetPydanticSchema()], "Any"),
        (dict[str, Any], "dict[str, Any]"),
        (Callable[[int], str] | None, "Callable | None"),
        (Inner, "Inner"),
        ("SomeConfig | None", "SomeConfig | None"),
    ],
)
def test_annotations_are_spelled_in_bare_names(annotation: object, spelled: str) -> None:
    assert spell_annotation(annotation) == spelled


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (argparse.SUPPRESS, {"object": "SUPPRESS"}),
        (Mode.FAST, "FAST"),
        ({3, 1}, [1, 3]),
        ((1, None), [1, None]),
        ({1: 0.5}, {"1": 0.5}),
        (Inner(), {"dataclass": "Inner"}),
        (object(), {"object": "object"}),
    ],
)
def test_defaults_have_a_json_form(value: object, found: object) -> None:
    assert plain(value) == found


class TwoWaySwitch(argparse.BooleanOptionalAction):
    """Like vLLM 0.33.0's: some spellings are registered, but hidden from help afterwards."""

    def __init__(self, option_strings: list[str], dest: str, **kwargs: Any) -> None:
        super().__init__(option_strings, dest, **kwargs)
        self.option_strings = [*self.option_strings, "--disable-x"]
        self.negative_option_strings = {"--no-enable-x", "--disable-x"}


def test_options_are_read_with_every_spelling_the_parser_knows() -> None:
    parser = argparse.ArgumentParser()
    group = parser.add_argument_group("Outer")
    group.add_argument("--size", "-s", type=optional_type(int), choices=[1, None], help="How many.")
    switch = group.add_argument("--enable-x", action=TwoWaySwitch, default=False)
    switch.option_strings = ["--enable-x"]
    plain_switch = parser.add_argument("--eager", action=argparse.BooleanOptionalAction)
    size, enable, eager = (
        found for found in read_options(parser) if found["dest"] in ("size", "enable_x", "eager")
    )
    assert (size["flags"], size["negations"]) == (["--size", "-s"], [])
    assert (size["group"], size["choices"], size["type"]) == ("Outer", [1, None], "optional[int]")
    assert (size["help"], size["deprecated"], size["switch"]) == ("How many.", False, False)
    assert enable["flags"] == ["--enable-x", "--no-enable-x", "--disable-x"]
    assert enable["negations"] == ["--no-enable-x", "--disable-x"]
    assert eager["negations"] == ["--no-eager"]
    assert plain_switch.dest == "eager"


ENVS = """
import os
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    X_STRICT: bool = False
    X_WORD: bool = True
    X_PORT: int | None = None
    X_HOME: str = os.path.expanduser("~")
def word():
    os.environ["X_LEFT_BEHIND"] = "1"
    return os.environ.get("X_WORD", "True").lower() in ("true", "1")
environment_variables = {
    "X_STRICT": lambda: bool(int(os.getenv("X_STRICT", "0"))),
    "X_WORD": word,
    "X_PORT": lambda: int(os.getenv("X_PORT", "0")) or None,
    "X_HOME": lambda: os.getenv("X_HOME", "~"),
    "X_BARE": lambda: os.getenv("X_BARE") == "1",
}
"""


@pytest.fixture
def envs(tmp_path: Path) -> ModuleType:
    path = tmp_path / "envs.py"
    path.write_text(ENVS)
    found = util.spec_from_file_location("envs_of_a_test", path)
    assert found is not None
    assert found.loader is not None
    module = util.module_from_spec(found)
    sys.modules[module.__name__] = module
    found.loader.exec_module(module)
    return module


def test_booleans_are_measured_and_nothing_is_left_behind(envs: ModuleType) -> None:
    before = dict(os.environ)
    found = read_variables(envs)
    assert dict(os.environ) == before
    refused, either = "!" * (len(SPELLINGS) - 2), "+-+-+-+-"
    assert found == {
        "X_STRICT": {"annotation": "bool", "default": "False", "readings": f"+-{refused}"},
        "X_WORD": {
            "annotation": "bool",
            "default": "True",
            "readings": either + "-" * (len(SPELLINGS) - len(either)),
        },
        "X_PORT": {"annotation": "int | None", "default": "None"},
        "X_HOME": {"annotation": "str", "default": "os.path.expanduser('~')"},
        "X_BARE": {"annotation": None, "default": None, "readings": "+" + "-" * 15},
    }


def test_config_classes_are_followed_into_their_fields() -> None:
    assert read_configs({"Outer": Outer}) == {
        "Outer": {
            "inner": {"annotation": "Inner | None", "limits": {}, "init": True},
            "way": {"annotation": "Literal['a', 'b'] | None", "limits": {}, "init": True},
            "named": {"annotation": "Any | None", "limits": {}, "init": True},
            "hidden": {"annotation": "dict[str, Any]", "limits": {}, "init": False},
        },
        "Inner": {"size": {"annotation": "int", "limits": {"ge": 1}, "init": True}},
    }


@pytest.mark.engine
@pytest.mark.timeout(300)
@pytest.mark.skipif(not VLLM_PYTHON, reason="TEST_VLLM_PYTHON names no Python with vLLM")
def test_a_dump_of_the_real_vllm_says_what_we_ship(tmp_path: Path) -> None:
    out = tmp_path / "dump.json"
    program = str(Path(str(dump.__file__)))
    subprocess.run([VLLM_PYTHON, "-P", program, str(out)], check=True, timeout=240)
    found = json.loads(out.read_text())
    shipped = unfold(decode(RELEASES.read_bytes()))
    assert found["vllm"] in known_releases()
    assert facts_of(found) == shipped[found["vllm"]]
