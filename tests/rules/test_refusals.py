"""What is refused because nothing good could come of it, one line each."""

from pathlib import Path

import pytest

from mixvllm.core.errors import MachineFault
from mixvllm.services.check import Request, check
from tests.rules.checking import args, checked, found


def lines(text: str) -> list[str]:
    return [line.partition(" ")[0] for line in found(text)]


@pytest.mark.parametrize(
    "name", ['"FOO;touch PWNED;B"', '""', '"a b"', '"BAR=1"', '"1A"', '"ä"', '"A\\n"']
)
def test_a_variable_has_a_name(name: str) -> None:
    assert found(f"model: m\nvllm:\n  env:\n    {name}: x\n") == ["MX305 4:5"]


def test_nothing_that_a_process_is_given_holds_a_nul(tmp_path: Path) -> None:
    (tmp_path / "nul").write_bytes(b"a\0b")
    for text, code in (
        ("model: m\nvllm: {env: {A: '${file:nul}'}}\n", "MX305"),
        ("model: ${file:nul}\n", "MX251"),
        ("model: m\nvllm: {command: '${file:nul}'}\n", "MX118"),
        ("model: m\nvllm: {args: {tokenizer: '${file:nul}'}}\n", "MX251"),
        ("model: m\nserver: {api_key: '${file:nul}'}\n", "MX606"),
    ):
        made = checked(text, path=tmp_path / "p.yaml")
        assert [d.code for d in made.diagnostics] == [code], text


@pytest.mark.parametrize("name", ["--help", "-tp=4", "--", " "])
def test_a_model_is_a_word_and_no_option(name: str) -> None:
    assert found(f'model: "{name}"\n') == ["MX251 1:8"]


@pytest.mark.parametrize("command", ['""', "[]", '" "', '"vllm \'x"', '["", x]'])
def test_a_command_names_a_program(command: str) -> None:
    assert found(f"model: m\nvllm:\n  command: {command}\n") == ["MX118 3:12"]


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("[]", ["MX405"]), ("[-1]", ["MX405"]), ("[foo]", ["MX405"]), ('["GPU-"]', ["MX405"]),
        ("[0, 3]", []), ('["0"]', []), ("[GPU-1a2b-33]", []), ("[MIG-GPU-1a/1/0]", []),
        ("[MIG-1a2b]", []), ("auto", []),
    ],
)  # fmt: skip
def test_the_selected_cards_have_names(select: str, expected: list[str]) -> None:
    assert lines(f"model: m\ngpus: {{select: {select}}}\n") == expected


@pytest.mark.parametrize(
    ("sizes", "too_many"),
    [
        ("tensor_parallel_size: 2", False),
        ("tensor_parallel_size: 4", True),
        ("tensor_parallel_size: 2, pipeline_parallel_size: 2", True),
        ("pipeline_parallel_size: 3", True),
        ("data_parallel_size: 4", False),
    ],
)
def test_each_rank_has_a_card(sizes: str, too_many: bool) -> None:
    text = f"model: m\ngpus: {{select: [0, 1]}}\ninference: {{{sizes}}}\n"
    assert lines(text) == (["MX402"] if too_many else [])
    assert lines(f"{text}vllm: {{args: {{distributed-executor-backend: ray}}}}\n") == []


def test_the_order_of_the_cards_is_not_set_twice() -> None:
    text = "model: m\nvllm:\n  env:\n    CUDA_DEVICE_ORDER: PCI_BUS_ID\n"
    assert found(text) == []
    assert found(f"{text}gpus: {{select: [0]}}\n") == ["MX403 4:5"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("gpu-memory-utilization: .nan", "MX204 4:29"),
        ("cpu-offload-gb: .inf", "MX204 4:21"),
        ("cpu-offload-gb: '1e999'", "MX204 4:21"),
    ],
)
def test_a_number_is_finite(line: str, expected: str) -> None:
    assert found(args(line)) == [expected]


@pytest.mark.parametrize(
    ("time", "code"), [(".inf", "MX111"), (".nan", "MX111"), ("'" + "9" * 400 + "'", "MX112")]
)
def test_a_time_is_finite(time: str, code: str) -> None:
    assert found(f"model: m\nsupervisor:\n  stop_grace: {time}\n") == [f"{code} 3:15"]


def test_a_size_is_finite() -> None:
    assert lines(f"model: m\nlogging: {{max_bytes: {'9' * 390}GiB}}\n") == ["MX113"]


@pytest.mark.parametrize(
    ("written", "label"),
    [("5b", "write the number in full"), ("1.5K", "write 1.5k"), ("5KB", "write 5K"),
     ("1.5b", "write the number in full"), ("9" * 400 + "k", f"write {'9' * 400}K")],
)  # fmt: skip
def test_the_remedy_for_a_suffix_is_one(written: str, label: str) -> None:
    (only,) = checked(args(f'max-model-len: "{written}"')).diagnostics
    assert (only.code, only.label) == ("MX205", label)
    if only.fix is not None and len(written) < 10:
        assert checked(args(f'max-model-len: "{only.fix.text}"')).errors == 0


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("compilation-config: '{\"mod\": 3}'", ["MX220 4:28"]),
        ('compilation-config: \'{"pass_config": {"fuse_normm": true}}\'', ["MX220 4:44"]),
        ("compilation-config: '{\"mode\": 3}'", []),
        ("speculative-config: {method: ngrm}", ["MX203 4:34"]),
        ('speculative-config: \'{"method": "ngrm"}\'', ["MX203 4:25"]),
        ("speculative-config: {method: ngram, num_speculative_tokens: 4}", []),
        ("kv-transfer-config: {kv_role: null}", ["MX240 4:5"]),
    ],
)
def test_json_in_a_string_is_checked_like_yaml(line: str, expected: list[str]) -> None:
    assert found(args(line)) == expected
    fixes = [d.fix for d in checked(args(line)).diagnostics if d.fix and "'{" in line]
    assert all(fix.span.end_column - fix.span.column <= len("fuse_normm") for fix in fixes)


def test_more_than_one_engine_is_said_by_validate() -> None:
    made = checked("model: m\nreplicas: 2\nnodes: [{host: a}]\n")
    assert [(d.code, d.severity.value) for d in made.diagnostics] == [("MX117", "warning")] * 2
    assert found("model: m\nreplicas: 1\nnodes: []\n") == []


class TestVersion:
    def of(self, version: str, release: str | None = None) -> tuple[list[str], str]:
        text = f"model: m\nvllm: {{version: {version}}}\ngpus: {{select: []}}\n"
        made = check(Request(Path("p.yaml"), {"PATH": ""}, release=release, text=text.encode()))
        return [d.code for d in made.diagnostics], made.release

    def test_a_number_is_quoted_and_hides_nothing(self) -> None:
        assert self.of("0.30") == (["MX115", "MX405"], "0.30.0")
        text = "model: m\nvllm: {version: 0.30}\n"
        (only,) = checked(text).diagnostics
        assert only.fix is not None
        assert only.fix.text == '"0.30"'

    def test_an_unknown_release_is_a_finding_and_hides_nothing(self) -> None:
        found_codes, release = self.of("0.99.0")
        assert found_codes == ["MX116", "MX405"]
        assert release == self.of("null")[1]

    @pytest.mark.parametrize("written", ["v0.32.0", "0.32.99", "0.32.0rc1", '"0.32"'])
    def test_the_release_is_the_one_that_was_looked_up(self, written: str) -> None:
        assert self.of(written) == (["MX405"], "0.32.0")
        assert self.of("null", written.strip('"')) == (["MX405"], "0.32.0")

    @pytest.mark.parametrize("asked", ["", "9.9"])
    def test_an_unknown_release_that_was_asked_for_ends_the_check(self, asked: str) -> None:
        with pytest.raises(MachineFault):
            self.of("null", asked)
