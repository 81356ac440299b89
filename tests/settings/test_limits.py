"""Profiles and options made to hurt end in findings, soon."""

import time
from pathlib import Path

import pytest

from mixvllm.core.errors import MachineFault
from mixvllm.settings.profile import read_profile
from mixvllm.settings.resolve import Resolved, resolve
from mixvllm.settings.sources import cli_layer, environment_layer
from tests.settings.resolving import resolved, shown

M = "model: m\n"


def read(path: Path) -> Resolved:
    return resolve(read_profile(path, {}), environment_layer({}), cli_layer(()))


def codes(found: Resolved) -> list[str]:
    return [d.code for d in found.diagnostics]


def test_a_chain_of_aliases_has_a_limit() -> None:
    lines = [f"x-{i}: &a{i} [{f'*a{i - 1}' if i else 1}]\n" for i in range(2000)]
    assert codes(resolved("".join(lines))) == ["MX027"]


def test_aliases_are_counted_over_the_whole_document() -> None:
    text = "x-a: &a [" + ",".join("1" * 999) + "]\nx-b: &b [" + ",".join(["*a"] * 99) + "]\n"
    options = "".join(f"    o{i}: [*b]\n" for i in range(60))
    assert codes(resolved(f"{text}{M}vllm:\n  args:\n{options}")) == ["MX016"]


@pytest.mark.parametrize("key", ["vllm.args.x", "vllm.args.y.z", "gpus.select", "server"])
def test_deep_json_is_text_or_a_finding(key: str) -> None:
    assert set(codes(resolved(M, cli={key: "[" * 5000}))) <= {"MX110"}


def test_files_that_extend_the_next_twice_are_not_followed_for_ever(tmp_path: Path) -> None:
    for i in range(40):
        (tmp_path / f"{i}.yaml").write_text(f"extends: [{i + 1}.yaml, {i + 1}.yaml]\n")
    (tmp_path / "40.yaml").write_text(M)
    (found,) = read(tmp_path / "0.yaml").diagnostics
    assert (found.code, found.message) == ("MX501", "`extends` brings in more than 64 files")


def test_a_long_chain_is_no_cycle(tmp_path: Path) -> None:
    for i in range(40):
        (tmp_path / f"{i}.yaml").write_text(f"extends: {i + 1}.yaml\n")
    (tmp_path / "40.yaml").write_text(M)
    assert read(tmp_path / "0.yaml").diagnostics == ()


def test_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "p.yaml").write_text("extends: a\nmodel: m\n")
    assert shown(read(tmp_path / "p.yaml").diagnostics) == ["MX500 1:10"]
    with pytest.raises(MachineFault):
        read(tmp_path / "a")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("extends: ~nosuchuser/x\nmodel: m\n", ["MX500 1:10"]),
        ('extends: "a\\0b"\nmodel: m\n', ["MX500 1:10"]),
        ("model: ${file:~nosuchuser/x}\n", ["MX513 1:8"]),
        ("model: ~nosuchuser/x\n", []),
        ('model: "\\ud800"\n', ["MX020 1:8"]),
        ("model: ${env:BAD}\n", ["MX510 1:14"]),
        ("model: ${env:A:-${env:B}}\n", ["MX512 1:8"]),
        ("extends: ${env:NOPE}\nmodel: m\n", ["MX510 1:16"]),
        ("---\n", ["MX018 1:1"]),
        ("null\n", ["MX018 1:1"]),
        (M + "x: |\n  note:this\nserver: a: b\n", ["MX027 4:10"]),
        ("server:\n  port:8000\n  # why\n\n  host: x\n", ["MX024 2:3"]),
        ("model: a\u2028b\nserver: {port: x}\n", ["MX110 2:16"]),
        (M + "nodes: [a]\n", ["MX110 2:9"]),
        (M + "gpus: {select: [0, 1.5]}\n", ["MX110 2:20"]),
    ],
)
def test_a_finding_at_its_place(text: str, expected: list[str]) -> None:
    assert shown(resolved(text, environ={"BAD": "\udcff"}).diagnostics) == expected


def test_a_wrong_item_is_named() -> None:
    (found,) = resolved(M + "gpus: {select: [0, 1.5]}\n").diagnostics
    assert found.message.startswith("`gpus.select[1]` takes an integer or a string")


def test_an_empty_section_keeps_what_it_extends(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("inference: {dtype: half}\n")
    (tmp_path / "p.yaml").write_text("extends: base.yaml\nmodel: m\ninference:\n")
    (found,) = read(tmp_path / "p.yaml").diagnostics
    assert found.message == "empty section `inference`: what it extends stays as it is"


def test_files_that_are_extended_count_together(tmp_path: Path) -> None:
    for i in range(40):
        lines = "".join(f"    V{i}X{j}_KEY: value-of-{j}\n" for j in range(400))
        more = "".join(f"    opt{i}x{j}: {j}\n" for j in range(400))
        (tmp_path / f"b{i}.yaml").write_text(f"vllm:\n  env:\n{lines}  args:\n{more}")
    path = tmp_path / "p.yaml"
    names = ", ".join(f"b{i}.yaml" for i in range(40))
    path.write_text(f"extends: [{names}]\nmodel: m\n")
    began = time.process_time()
    found = read(path)
    assert time.process_time() - began < 4
    assert codes(found).count("MX501") == 1
    assert "`extends` brings in more than 256 KiB" in repr(found.diagnostics)
