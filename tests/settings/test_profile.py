"""Structure of a profile, key by key, and `extends`."""

from pathlib import Path

import pytest

from mixvllm.core.errors import MachineFault
from mixvllm.core.origin import FileSpan
from mixvllm.settings.profile import read_profile
from mixvllm.settings.resolve import Resolved, resolve
from mixvllm.settings.sources import cli_layer, environment_layer
from tests.settings.resolving import resolved, shown


def read(path: Path) -> Resolved:
    return resolve(read_profile(path, {}), environment_layer({}), cli_layer(()))


@pytest.mark.parametrize(
    ("text", "expected", "label"),
    [
        ("modle: x\n", ["MX100 1:1"], "did you mean `model`?"),
        ("Model: x\n", ["MX100 1:1"], "write `model`"),
        ("model: m\nserver:\n  prot: 1\n", ["MX100 3:3"], "did you mean `port`?"),
        ("model: m\nserver:\n  dtype: half\n", ["MX101 3:3"], "write `inference.dtype`"),
        ("model: m\ntensor-parallel-size: 2\n", ["MX101 2:1"],
         "write `inference.tensor_parallel_size`"),
        ("model: m\nserver:\n  max-loras: 2\n", ["MX101 3:3"], "write `vllm.args.max-loras`"),
        ("model: m\nserver:\nport: 1\n", ["MX025 3:1"], "indent by two spaces"),
        ("model: m\nserver:\n", ["MX026 2:1"], "take it out, or write what it should hold"),
        ("model: m\nserver:\n  port:8000\n", ["MX024 3:3"], "write `port: 8000`"),
        ("model: m\nserver: 8000\n", ["MX110 2:9"], "write its keys below it, indented"),
        ("model: m\nserver:\n  api-key: a\n  api_key: b\n", ["MX004 4:3"], "and again here"),
        ("model: m\nvllm:\n  args:\n    max-loras: 1\n    max_loras: 2\n", ["MX004 5:5"],
         "and again here"),
        ("model: m\nserver:\n  pört: 1\n", ["MX100 3:3"], "did you mean `port`?"),
        ("model: m\nser\u2013ver: 1\n", ["MX021 2:1"], "write `ser-ver`"),
    ],
)  # fmt: skip
def test_a_wrong_key_is_found_at_its_place(text: str, expected: list[str], label: str) -> None:
    found = resolved(text)
    assert shown(found.diagnostics) == expected
    assert found.diagnostics[0].label == label


def test_k_faults_are_k_findings_in_one_run() -> None:
    text = "modle: x\nserver:\n  port: eighty\n  hots: y\nsupervisor:\n  stop_grace: 5 parsecs\n"
    found = resolved(text).diagnostics
    assert sorted(shown(found)) == ["MX100 1:1", "MX100 4:3", "MX110 3:9", "MX112 6:15"]


def test_kebab_and_snake_are_the_same_key() -> None:
    found = resolved("model: m\nserver:\n  root-path: /x\n")
    assert found.diagnostics == ()
    assert found.value("server", "root_path") == "/x"


def test_model_may_be_a_string() -> None:
    found = resolved("model: org/name\n")
    assert found.value("model", "name") == "org/name"
    assert str(found.origin(("model", "name"))) == "profile.yaml:1:8"


def test_x_keys_are_a_place_for_anchors() -> None:
    found = resolved("x-common: &c {port: 9}\nmodel: m\nserver:\n  <<: *c\n")
    assert found.diagnostics == ()
    assert found.profile is not None
    assert found.profile.server.port == 9


def test_extends_merges_mappings_and_replaces_lists(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        "model: base\nserver: {host: 0.0.0.0, port: 1}\ngpus: {select: [0, 1]}\n"
    )
    top = tmp_path / "top.yaml"
    top.write_text("extends: base.yaml\nserver: {port: 2}\ngpus: {select: [3]}\n")
    found = read(top)
    assert found.profile is not None
    assert found.profile.server.host == "0.0.0.0"
    assert found.profile.server.port == 2
    assert found.profile.gpus.select == [3]
    assert found.origin(("server", "host")).path == tmp_path / "base.yaml"  # type: ignore[union-attr]
    (overridden,) = found.overridden[("server", "port")]
    assert isinstance(overridden.place.value, FileSpan)
    assert overridden.place.value.path == tmp_path / "base.yaml"
    assert ("gpus", "select", 1) not in found.places


def test_the_last_of_several_bases_wins(tmp_path: Path) -> None:
    for name, port in (("a", 1), ("b", 2)):
        (tmp_path / f"{name}.yaml").write_text(f"server: {{port: {port}}}\n")
    top = tmp_path / "top.yaml"
    top.write_text("extends: [a.yaml, b.yaml]\nmodel: m\n")
    assert read(top).value("server", "port") == 2


def test_a_fault_in_a_base_tells_who_included_it(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("server:\n  port: eighty\n")
    top = tmp_path / "top.yaml"
    top.write_text("extends: base.yaml\nmodel: m\n")
    (found,) = read(top).diagnostics
    assert isinstance(found.origin, FileSpan)
    assert (found.origin.path.name, found.origin.line, found.origin.column) == ("base.yaml", 2, 9)
    assert found.origin.included_by is not None
    assert (found.origin.included_by.line, found.origin.included_by.column) == (1, 10)


@pytest.mark.parametrize(
    ("base", "top", "expected"),
    [
        ("extends: top.yaml\n", "extends: base.yaml\nmodel: m\n", ["MX501 1:10"]),
        ("server:\n  port: 1\n", "extends: base.yaml\nmodel: m\nserver: 8000\n", ["MX502 3:9"]),
        ("server: {}\n", "extends: nowhere.yaml\nmodel: m\n", ["MX500 1:10"]),
        ("server: {}\n", "extends: {a: b}\nmodel: m\n", ["MX110 1:10"]),
    ],
)
def test_extends_that_cannot_be_followed(
    tmp_path: Path, base: str, top: str, expected: list[str]
) -> None:
    (tmp_path / "base.yaml").write_text(base)
    (tmp_path / "top.yaml").write_text(top)
    assert shown(read(tmp_path / "top.yaml").diagnostics) == expected


def test_a_profile_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MachineFault, match="there is no file"):
        read(tmp_path / "none.yaml")
    with pytest.raises(MachineFault, match="is a folder"):
        read(tmp_path)
    (tmp_path / "other.yaml").touch()
    with pytest.raises(MachineFault) as caught:
        read(tmp_path / "othr.yaml")
    assert "other.yaml" in caught.value.hint


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "p.yaml")
    with pytest.raises(MachineFault, match="not a regular file"):
        read(tmp_path / "p.yaml")
