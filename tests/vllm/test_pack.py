"""Dumps become one history: the same facts the same bytes, and nothing unknown slips in."""

import copy
import gzip
import json
import subprocess  # the command of the module, as a person runs it
import sys
from pathlib import Path

import pytest

from mixvllm.vllm.classify import NotClassified
from mixvllm.vllm.dump import SPELLINGS, Json
from mixvllm.vllm.pack import decode, encode, facts_of, fold, pack, unfold
from mixvllm.vllm.table import RELEASES

ACTION: dict[str, Json] = {
    "dest": "max_model_len",
    "flags": ["--max-model-len", "-l"],
    "negations": [],
    "action": "_StoreAction",
    "switch": False,
    "nargs": None,
    "const": None,
    "default": None,
    "type": "optional[int]",
    "choices": None,
    "metavar": None,
    "group": "ModelConfig",
    "deprecated": False,
    "help": "Length of the context.",
}


def action(**changes: Json) -> dict[str, Json]:
    return {**ACTION, **changes}


def dump(release: str, *actions: dict[str, Json], **changes: Json) -> dict[str, Json]:
    found: dict[str, Json] = {
        "format": 1,
        "vllm": release,
        "spellings": list[Json](SPELLINGS),
        "options": list[Json](actions or (ACTION,)),
        "variables": {"VLLM_X": {"annotation": "int | None", "default": "3"}},
        "configs": {
            "ModelConfig": {
                "max_model_len": {"annotation": "int", "limits": {"ge": 1, "lt": 9}, "init": True}
            }
        },
    }
    return {**found, **changes}


def spec(raw: dict[str, Json]) -> dict[str, Json]:
    (found,) = facts_of(dump("0.12.0", raw))["options"].values()
    return found


def write(folder: Path, *dumps: dict[str, Json]) -> Path:
    folder.mkdir(exist_ok=True)
    for found in dumps:
        (folder / f"v{found['vllm']}.json").write_text(json.dumps(found))
    return folder


def test_an_option_keeps_what_is_not_its_default() -> None:
    assert spec(ACTION) == {
        "kind": "integer",
        "flags": ["--max-model-len", "-l"],
        "optional": True,
        "null_text": True,
        "group": "ModelConfig",
        "at_least": 1,
        "below": 9,
    }


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"switch": True, "action": "EnableDisableAction", "type": None}, "switch"),
        ({"action": "_StoreTrueAction", "type": None, "nargs": 0}, "flag"),
        ({"type": "parse[loads]"}, "json"),
        ({"type": "optional[json[ModelConfig]]"}, "json"),
        ({"type": "optional[union_dict_and_str]"}, "json_or_string"),
        ({"type": "human_readable_int_or_auto[kK]"}, "human_integer_or_auto"),
        ({"type": "optional[human_readable_int[kK]]"}, "human_integer"),
        ({"type": 'lambda[["A-b", 7]]'}, "id_list"),
        ({"type": 'lambda["a_b,7"]'}, "string"),
        ({"type": None}, "string"),
        ({"type": "str", "nargs": "?", "const": True}, "string_or_flag"),
        ({"type": "optional[str]", "action": "LoRAParserAction", "nargs": "+"}, "lora_modules"),
    ],
)
def test_kinds(changes: dict[str, Json], kind: str) -> None:
    assert spec(action(**changes))["kind"] == kind


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "complex"},
        {"type": "lambda[3]"},
        {"action": "_CountAction"},
        {"nargs": 2},
        {"nargs": "?"},
        {"flags": ["--other"]},
    ],
)
def test_what_is_new_to_us_stops_the_packing(changes: dict[str, Json]) -> None:
    with pytest.raises(NotClassified, match="max-model-len"):
        facts_of(dump("0.12.0", action(**changes)))


@pytest.mark.parametrize(
    ("said", "deprecated", "leaves"),
    [
        ("Length. This option is deprecated.", True, None),
        ("--x is deprecated and will be removed in v0.34.0.", True, "0.34.0"),
        ("[DEPRECATED] Length.", True, None),
        ("Whether to allow deprecated methods.", False, None),
        ("It will be deprecated when it can be.", False, None),
    ],
)
def test_deprecation_is_read_from_the_help(said: str, deprecated: bool, leaves: str | None) -> None:
    found = spec(action(help=said))
    assert (found.get("deprecated", False), found.get("leaves")) == (deprecated, leaves)
    assert said not in json.dumps(found)


def test_defaults_that_are_objects() -> None:
    assert spec(action(default={"dataclass": "ModelConfig"}))["default"] == {}
    assert spec(action(default={"object": "SUPPRESS"}))["default"] == {"unset": True}
    assert spec(action(default=[]))["default"] == []
    assert "default" not in spec(action(default=None))


def test_null_is_accepted_where_it_is_the_default_or_can_be_said() -> None:
    bare: dict[str, Json] = {"type": "int"}
    said: dict[str, Json] = {"type": "optional[int]", "default": 1}
    assert spec(action(**bare))["optional"] is True
    assert spec(action(**said))["optional"] is True
    assert "optional" not in spec(action(type="int", default=1))
    assert "optional" not in spec(action(type="optional[int]", nargs="+", default=[1]))
    assert "optional" not in spec(action(**said, choices=[1, 2]))


@pytest.mark.parametrize(
    ("annotation", "default", "fields"),
    [
        ("bool", "False", {"kind": "switch", "default": False}),
        ("int | None", "None", {"kind": "integer", "optional": True, "default": None}),
        ("float", "1.5", {"kind": "number", "default": 1.5}),
        ("Literal['a'] | None", None, {"kind": "string", "choices": ["a"], "optional": True}),
        ("set[str]", "set()", {"kind": "string", "many": True, "default": []}),
        ("dict[str, Any]", None, {"kind": "json"}),
        ("str", "os.path.join(A, 'b')", {"kind": "string"}),
        (None, None, {"kind": "string"}),
    ],
)
def test_variables(annotation: Json, default: Json, fields: dict[str, Json]) -> None:
    raw: dict[str, Json] = {"V": {"annotation": annotation, "default": default}}
    assert facts_of(dump("0.12.0", variables=raw))["variables"] == {"V": fields}


def test_a_variable_seen_to_be_a_boolean_is_one() -> None:
    raw: dict[str, Json] = {"V": {"annotation": None, "default": None, "readings": "+-"}}
    found = facts_of(dump("0.12.0", variables=raw))["variables"]["V"]
    assert found == {"kind": "switch", "readings": "+-"}


def test_what_is_no_option_is_left_out() -> None:
    asked = [action(dest="help", type="?"), action(dest="model_tag", flags=[]), ACTION]
    assert list(facts_of(dump("0.12.0", *asked))["options"]) == ["max-model-len"]


def test_only_config_classes_an_option_leads_to_are_kept() -> None:
    field: dict[str, Json] = {"annotation": "int", "limits": {}, "init": True}
    configs: dict[str, Json] = {
        "A": {"b": {**field, "annotation": "B | None"}, "hidden": {**field, "init": False}},
        "B": {"c": {**field, "annotation": "Literal['x', 'y'] | None"}, "d": field},
        "C": {"e": field},
    }
    raw = action(type="json[A]", group="A")
    keys = facts_of(dump("0.12.0", raw, configs=configs))["keys"]
    assert keys == {
        "A.b": {"accepts": ["mapping", "null"], "config": "B"},
        "B.c": {"accepts": ["string", "null"], "choices": ["x", "y", None]},
        "B.d": {"accepts": ["integer"]},
    }


def test_a_history_has_one_span_for_what_did_not_change(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "dumps",
        dump("0.9.0"),
        dump("0.10.0"),
        dump("0.11.0", action(default=7), action(dest="seed", flags=["--seed"])),
        dump("0.12.0", action(dest="seed", flags=["--seed"])),
    )
    table = pack(folder, tmp_path / "out.gz")
    assert table["releases"] == ["0.9.0", "0.10.0", "0.11.0", "0.12.0"]
    options = table["options"]
    assert isinstance(options, dict)
    spans = {name: [span[:2] for span in held] for name, held in options.items()}  # type: ignore[index,union-attr]
    assert spans == {"max-model-len": [[0, 1], [2, 2]], "seed": [[2, 3]]}


def test_the_same_dumps_give_the_same_bytes_whatever_their_order(tmp_path: Path) -> None:
    one, other = dump("0.12.0", ACTION, action(dest="seed", flags=["--seed"])), dump("0.13.0")
    turned = copy.deepcopy(one)
    turned["options"] = [action(dest="seed", flags=["--seed"]), ACTION]
    pack(write(tmp_path / "a", one, other), tmp_path / "a.gz")
    pack(write(tmp_path / "b", other, turned), tmp_path / "b.gz")
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert encode({"a": {"b": 1, "c": 2}}) == encode({"a": {"c": 2, "b": 1}})
    assert (tmp_path / "a.gz").read_bytes()[4:8] == b"\0\0\0\0"  # gzip's time stamp


def test_folding_and_unfolding_lose_nothing_of_what_we_ship() -> None:
    shipped = decode(RELEASES.read_bytes())
    facts = unfold(shipped)
    assert fold(facts, spellings=[str(text) for text in SPELLINGS]) == shipped
    assert json.loads(gzip.decompress(encode(shipped))) == shipped


def test_keeping_what_is_there_already(tmp_path: Path) -> None:
    out = tmp_path / "out.gz"
    pack(write(tmp_path / "old", dump("0.12.0")), out)
    new = write(tmp_path / "new", dump("0.13.0", action(default=1)))
    assert pack(new, out, keep=True)["releases"] == ["0.12.0", "0.13.0"]
    together = write(tmp_path / "old", dump("0.13.0", action(default=1)))
    kept = out.read_bytes()
    pack(together, out)
    assert out.read_bytes() == kept
    assert pack(new, out)["releases"] == ["0.13.0"]


def test_what_cannot_be_packed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"has no v\*\.json"):
        pack(tmp_path / "empty", tmp_path / "out.gz")
    with pytest.raises(ValueError, match="a dump of format 2"):
        facts_of(dump("0.12.0", format=2))
    other = dump("0.13.0", spellings=["1"])
    with pytest.raises(ValueError, match="different texts"):
        pack(write(tmp_path / "mixed", dump("0.12.0"), other), tmp_path / "out.gz")
    with pytest.raises(ValueError, match="a packed file of format 0"):
        decode(gzip.compress(b'{"format": 0}'))
    assert not (tmp_path / "out.gz").exists()


def test_the_command(tmp_path: Path) -> None:
    folder = write(tmp_path / "dumps", dump("0.12.0"), dump("0.13.0"))
    command = [sys.executable, "-m", "mixvllm.vllm.pack", str(folder), str(tmp_path / "out.gz")]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert said.stderr.endswith("out.gz: 2 releases, 1 options, 1 variables, 0 keys\n")
    assert said.stdout == ""
    assert decode((tmp_path / "out.gz").read_bytes())["releases"] == ["0.12.0", "0.13.0"]
