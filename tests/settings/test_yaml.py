"""Profile text -> tree and findings."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.core.origin import FileSpan
from mixvllm.settings.tree import Entry, Mapping, Scalar, Sequence
from mixvllm.settings.tree_builder import MAX_DEPTH
from mixvllm.settings.yaml import MAX_BYTES, ParsedText, parse_profile


def parse(text: str | bytes) -> ParsedText:
    raw = text.encode() if isinstance(text, str) else text
    return parse_profile(raw, Path("p.yaml"))


def only(text: str | bytes) -> Diagnostic:
    found = parse(text).diagnostics
    assert len(found) == 1, found
    return found[0]


def place(found: Diagnostic) -> tuple[str, str]:
    span = found.origin
    assert isinstance(span, FileSpan)
    return found.code, f"{span.line}:{span.column}-{span.end_line}:{span.end_column}"


def entry(text: str, key: str) -> Entry:
    parsed = parse(text)
    assert parsed.root is not None, parsed.diagnostics
    found = parsed.root.find(key)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("true", True), ("null", None), ("~", None), ("12", 12), ("0o17", 15),
        ("0x1F", 31), ("1e3", 1000.0), ("1.5", 1.5), ('"12"', "12"), ("'true'", "true"),
        ("12:30:45", "12:30:45"), ("1_000", "1_000"), ("!!str 12", "12"), (".inf", float("inf")),
        ("Qwen/Qwen3-0.6B", "Qwen/Qwen3-0.6B"), ("9" * 500, "9" * 500),
    ],
)  # fmt: skip
def test_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    node = entry(f"key: {text}\n", "key").value
    assert isinstance(node, Scalar)
    assert node.value == value
    assert type(node.value) is type(value)


def test_every_key_and_value_knows_its_place() -> None:
    server = entry("model: x\nserver:\n  port: 8000\n  tags: [a, 'b c']\n", "server").value
    assert isinstance(server, Mapping)
    port, tags = server.entries
    assert (port.key.span.line, port.key.span.column, port.key.span.end_column) == (3, 3, 7)
    assert (port.value.span.line, port.value.span.column, port.value.span.end_column) == (3, 9, 13)
    assert isinstance(tags.value, Sequence)
    assert (tags.value.span.column, tags.value.span.end_column) == (9, 19)
    assert tags.value.items[1].span.column == 13


def test_columns_count_code_points_not_bytes() -> None:
    assert place(only("模型: ä\n键: *nope\n")) == ("MX014", "2:4-2:9")


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        ("gpus:\n  select: [0, 1\nserver:\n  port: 1\n", "MX002", "2:11-2:12"),
        ("a: 'x\n", "MX002", "1:4-1:5"),
        ("a: {b: 1\nc: 2\n", "MX002", "1:4-1:5"),
        ("a: 1\nb: 2\na: 3\n", "MX003", "3:1-3:2"),
        ("a:\n\tb: 1\n", "MX001", "2:1-2:2"),
        ("a: &x 1\n", "MX013", "1:4-1:6"),
        ("a: *x\n", "MX014", "1:4-1:6"),
        ("a: &x\n  b: *x\n", "MX015", "2:6-2:8"),
        ("a: 1\n---\nb: 2\n", "MX017", "2:1-2:4"),
        ("", "MX018", "1:1-1:1"),
        ("# only a comment\n", "MX018", "1:1-1:1"),
        ("- a\n", "MX019", "1:1-1:2"),
        ("just words\n", "MX019", "1:1-1:2"),
        (b"a: \xff\n", "MX020", "1:4-1:5"),
        ("a: \x07\n", "MX020", "1:4-1:5"),
        ("a: !!python/name:os.system x\n", "MX022", "1:4-1:27"),
        ("model:foo\nserver:\n  port: 1\n", "MX024", "1:1-1:10"),
        ("model:foo\n", "MX024", "1:1-1:10"),
        ("? [a]\n: 1\n", "MX027", "1:3-1:6"),
    ],
)
def test_faults_are_blamed_on_what_was_written(text: str | bytes, code: str, where: str) -> None:
    assert place(only(text)) == (code, where)


def test_a_duplicate_names_the_first() -> None:
    found = only("a: 1\na: 2\n")
    assert [(item.label, item.origin.line) for item in found.related] == [("first set here", 1)]  # type: ignore[union-attr]


def test_merge_keys_merge_and_the_nearer_wins() -> None:
    text = "x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n"
    merged = entry(text, "y").value
    assert isinstance(merged, Mapping)
    assert {e.key.text: e.value.value for e in merged.entries if isinstance(e.value, Scalar)} == {
        "a": 1,
        "b": 3,
    }


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x,x]"]
    for new, old in zip("bcdefghijklmnop", "abcdefghijklmno", strict=True):
        lines.append(f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]")
    assert only("\n".join(lines)).code == "MX016"


def test_depth_and_size_have_limits() -> None:
    assert only("a: " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)).code == "MX027"
    assert only(b"#" * (MAX_BYTES + 1)).code == "MX028"


@given(st.binary(max_size=300))
def test_any_bytes_end_in_findings_or_a_tree(raw: bytes) -> None:
    parsed = parse(raw)
    assert parsed.root is not None or parsed.diagnostics


_WORDS = st.sampled_from(
    ["a", ": ", "- ", "\n", "  ", "[", "]", "{", "}", "&x", "*x", "!!str", "|", ">", "'", '"', "#",
     "\t", "<<: ", "? ", "---", "${env:A}", ",", "%YAML 1.1\n", "0o7", "é", "日本"]
)  # fmt: skip


@given(st.lists(_WORDS, max_size=40).map("".join))
def test_any_mixture_of_yaml_signs_ends_in_findings_or_a_tree(text: str) -> None:
    parsed = parse(text)
    assert parsed.root is not None or parsed.diagnostics
