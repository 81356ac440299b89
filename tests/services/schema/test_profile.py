"""The JSON Schema of profiles agrees with `validate`, wherever JSON Schema can say it."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mixvllm.core.diagnostic import Severity
from mixvllm.services.check import Request, check
from mixvllm.services.schema.profile import schema
from mixvllm.settings.tree import Mapping, Node, Scalar, Sequence
from mixvllm.settings.yaml import parse_profile
from mixvllm.testing import manual_rules
from mixvllm.testing.manual_page import ROOT, Page
from mixvllm.vllm.options import known_releases, newest, options_of

BAD = ROOT / "tests" / "data" / "bad_profiles"
CASES: list[dict[str, Any]] = json.loads((BAD / "expectations.json").read_text())["cases"]
SHIPPED = sorted((ROOT / "profiles").glob("*.yaml"))

# What is said of one key by itself.
SAYABLE = {
    "MX019", "MX025", "MX100", "MX101", "MX110", "MX111", "MX112", "MX113", "MX114", "MX115",
    "MX120", "MX130", "MX200", "MX201", "MX202", "MX203", "MX204", "MX205", "MX207", "MX210",
    "MX212", "MX214", "MX220", "MX222", "MX223", "MX224", "MX231", "MX300", "MX301", "MX302",
    "MX303", "MX304", "MX305",
}  # fmt: skip
# Of which JSON Schema can say nothing, or not always: the text (MX0), several keys or files (MX230,
# MX24, MX5), what no command line can say (MX251), cards (MX4), secrets and the network (MX6),
# model files (MX7), this machine (MX8); a release that is not known (MX116), more than one engine
# (MX117), a command (MX118), broken JSON in a text (MX221); and what is a warning or a note.
CANNOT = {"MX116", "MX117", "MX118", "MX206", "MX211", "MX213", "MX221", "MX225", "MX232"}


@cache
def validator(release: str) -> jsonschema.Draft7Validator:
    made = schema(options_of(release))
    jsonschema.Draft7Validator.check_schema(made)
    return jsonschema.Draft7Validator(made)


def plain(node: Node) -> object:
    match node:
        case Scalar():
            return node.value
        case Sequence(items=items):
            return [plain(item) for item in items]
        case Mapping(entries=entries):
            return {entry.key.text: plain(entry.value) for entry in entries}


def accepts(text: bytes, release: str) -> bool | None:
    """Whether the schema takes a profile; None for a text that has no tree."""
    root = parse_profile(text, Path("p.yaml")).root
    return None if root is None else bool(validator(release).is_valid(plain(root)))


def agree(taken: bool | None, found: set[str]) -> bool:
    """No false alarm, and nothing missed; what is neither may be refused for another reason."""
    if taken is None or (found and SAYABLE.isdisjoint(found)):
        return True
    return taken is not bool(found)


def errors(path: Path, release: str, environ: dict[str, str]) -> set[str]:
    checked = check(Request(path, {"PATH": "", **environ}, release=release))
    own = [d for d in checked.diagnostics if getattr(d.origin, "path", path) == path]
    return {d.code for d in own if d.severity is Severity.ERROR}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_bad_profile_is_refused_where_that_can_be_said(case: dict[str, Any]) -> None:
    release = case["context"].get("vllm", "0.32.0")
    path = BAD / case["file"]
    found = errors(path, release, case["context"].get("environ", {}))
    assert agree(accepts(path.read_bytes(), release), found)


@pytest.mark.parametrize("path", manual_rules.pages().values(), ids=lambda path: path.stem)
def test_it_agrees_with_every_page(path: Path, tmp_path: Path) -> None:
    page = Page.read(path)
    for profile, _ in manual_rules.examples(page):
        found = {d.code for d in manual_rules.checked(profile, page)
                 if d.severity is Severity.ERROR and "base" not in str(d.origin)}  # fmt: skip
        file = tmp_path / "p.yaml"
        file.write_text(profile.text)
        release = check(Request(file, {"PATH": ""})).release
        assert agree(accepts(profile.text.encode(), release), found), (profile.text, found)


def test_of_every_code_it_is_known_whether_it_can_be_said() -> None:
    families = ("MX0", "MX23", "MX24", "MX25", "MX4", "MX5", "MX6", "MX7", "MX8")
    others = {code for code in manual_rules.codes() if not code.startswith(families)}
    assert others - SAYABLE - CANNOT == set()
    assert not SAYABLE & CANNOT


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_profile_is_taken(path: Path) -> None:
    assert list(validator(newest()).iter_errors(plain_of(path.read_text()))) == []


def plain_of(text: str) -> object:
    root = parse_profile(text.encode(), Path("p.yaml")).root
    assert root is not None
    return plain(root)


def of_args(line: str) -> str:
    return f"model: m\nvllm:\n  args:\n    {line}\n"


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("model: ${env:M}\n", True),
        ("model: m\nserver:\n  port: ${env:P}\n", True),
        ("model: m\nserver: {port: '8000'}\n", False),
        ("model: m\nsupervisor: {stop-grace: 10m}\n", True),
        ("model: m\nsupervisor: {stop_grace: ten}\n", False),
        ("model: m\nlogging: {max_bytes: 20 GiB}\n", True),
        ("model: m\nlogging: {max_bytes: 20 GiX}\n", False),
        ("model: m\ngpus: {select: [0, GPU-1]}\n", True),
        ("model: m\ngpus: {select: all}\n", False),
        ("model: m\nx-a: {anything: 1}\n", True),
        ("model: m\nserver:\n", True),
        ("model: {revision: a}\n", False),
        ("extends: a.yaml\nmodel: {revision: a}\n", True),
        ("extends: [a.yaml]\n", True),
        ("{}\n", False),
        ("model: m\ninference: {max-model-len: 32k, dtype: half}\n", True),
        ("model: m\ninference: {dtype: halv}\n", False),
        ("model: m\ninference: {gpu_memory_utilization: 90}\n", False),
        ("model: m\ninference: {seed: null}\n", True),
        (of_args("max_model_len: auto"), True),
        (of_args("max_model_len: 32KiB"), False),
        (of_args("-tp: 2"), True),
        (of_args("--tensor-parallel-size: 0"), False),
        (of_args("served-model-name: [a, b]"), True),
        (of_args("moe-backend: Deep-GEMM"), True),
        (of_args("moe-backend: Deep-GEM"), False),
        (of_args("compilation-config: {mode: 3}"), True),
        (of_args("compilation-config: '{\"mode\": 3}'"), True),
        (of_args("compilation-config: [3]"), False),
        (of_args("compilation-config: {pass_config: {fuse_normm: true}}"), False),
        (of_args("allowed-origins: a"), False),
        (of_args("allowed-origins: [a]"), True),
        (of_args("enforce-eager: 'true'"), False),
        (of_args("enforce-eager: ${env:E}"), True),
        (of_args("api-key: x"), False),
        ("model: m\nvllm: {env: {VLLM_LOGGING_LEVEL: DEBUG, MINE: 1}}\n", True),
        ("model: m\nvllm: {env: {VLLM_LOGING_LEVEL: DEBUG}}\n", False),
        ("model: m\nvllm: {env: {A: [1]}}\n", False),
    ],
)
def test_one_key(text: str, taken: bool) -> None:
    assert validator("0.33.0").is_valid(plain_of(text)) is taken
    path = Path("p.yaml")
    environ = {"PATH": "", "M": "m", "P": "8000", "E": "true"}
    found = check(Request(path, environ, release="0.33.0", text=text.encode())).diagnostics
    extended = {"MX500", "MX120"} if "extends" in text else set()  # there is no such file here
    assert ({d.code for d in found if d.severity is Severity.ERROR} - extended == set()) is taken


@pytest.mark.parametrize("release", known_releases())
def test_there_is_one_for_every_release(release: str) -> None:
    made: Any = validator(release).schema
    assert validator(release).is_valid({"model": "m"})
    definitions = made["definitions"]
    referred = set(json.dumps(made).split('"$ref": "')[1:])
    for pointer in {text.partition('"')[0] for text in referred}:
        at: Any = made
        for part in pointer.removeprefix("#/").split("/"):
            at = at[part]
        assert at is not None
    assert "tensor-parallel-size" in definitions["args"]["properties"]


def test_every_description_is_a_line_of_ours() -> None:
    made = schema(options_of(newest()))
    args: dict[str, Any] = made["definitions"]["args"]["properties"]  # type: ignore[index]
    assert args["gpu-memory-utilization"]["description"] == (
        "a number, above 0, at most 1; default 0.92"
    )
    assert args["api-server-count"]["description"].startswith("an integer")
    assert all("\n" not in option["description"] for option in args.values())
