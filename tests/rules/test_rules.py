"""Rules beyond the corpus: what they say, and what they leave alone."""

from pathlib import Path

import pytest

from mixvllm import rules
from mixvllm.testing.small_checkpoint import write_checkpoint
from tests.rules.checking import args, checked, found

_KEY = {"PATH": "", "K": "a-key"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("max-num-seqs: 8", []),
        ('max-num-seqs: "8"', ["MX223 4:19"]),
        ("max-num-seqs: 8.5", ["MX223 4:19"]),
        ("max-num-seqs: [8]", ["MX223 4:19"]),
        ("max-num-seqs: 0", ["MX204 4:19"]),
        ("gpu-memory-utilization: 1", []),
        ("gpu-memory-utilization: 1.5", ["MX204 4:29"]),
        ("dtype: half", []),
        ("dtype: halv", ["MX203 4:12"]),
        ("seed:", ["MX207 4:5"]),
        ("revision:", []),
        ("headless: false", []),
        ("enforce-eager: 1", ["MX223 4:20"]),
        ("enforce-eager: yes", ["MX202 4:20"]),
        ("no-enforce-eager: true", ["MX200 4:5"]),
        ("enable-lora: true", []),
        ("served-model-name: [a, b]", []),
        ("served-model-name: [a, -b]", ["MX251 4:24"]),
        ("lora-modules: [{nam: a, path: b}, b, c=d]", ["MX240 4:5", "MX251 4:20", "MX251 4:39"]),
        ("compilation-config: {mode: 3}", []),
        ("compilation-config: '{mode: 3'", ["MX221 4:27"]),
        ("compilation-config: {pass_config: {fuse_normm: true}}", ["MX220 4:40"]),
        ("api-key: abc", ["MX231 4:5"]),
        ("tp-size: 2", ["MX200 4:5"]),
        ("--tensor-parallel-size: 2", []),
    ],
)
def test_a_vllm_option(line: str, expected: list[str]) -> None:
    assert found(args(line)) == expected


@pytest.mark.parametrize(
    ("line", "label", "hint"),
    [
        ("speculative-config: {draft_tp: 2}", "did you mean `draft_tensor_parallel_size`?", ""),
        (
            "speculative-config: {draft-tp-size: 2}",
            "did you mean `draft_tensor_parallel_size`?",
            "",
        ),
        ("speculative-config: {metod: ngram}", "did you mean `method`?", ""),
        ("speculative-config: {method: ngrams}", "did you mean `ngram`?", "more"),
        ("limit-mm-per-prompt: image=2,video=1", "write `{image: 2, video: 1}`", ""),
        ("limit-mm-per-prompt: image=two", "write it as YAML below the key", ""),
    ],
)
def test_what_is_suggested(line: str, label: str, hint: str) -> None:
    told = next(d for d in checked(args(line)).diagnostics if d.code in ("MX203", "MX220", "MX221"))
    assert told.label == label
    assert len(told.hint) < 120
    assert hint in told.hint


def test_adapters_that_are_each_well_may_not_go_together() -> None:
    assert found(args("enable-lora: true", "lora-modules: [-a=b]")) == []
    assert found(args("enable-lora: true", "lora-modules: [a=b, -c=d]")) == ["MX251 5:19"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("tp-size", "tensor-parallel-size"), ("max-len", "max-model-len"),
     ("num-gpus", "tensor-parallel-size"), ("ctx-size", "max-model-len"),
     ("kv-dtype", "kv-cache-dtype"), ("max-model-lenght", "max-model-len")],
)  # fmt: skip
def test_the_mistakes_people_make_are_understood(written: str, meant: str) -> None:
    (diagnostic,) = checked(args(f"{written}: 2")).diagnostics
    assert diagnostic.label == f"did you mean `{meant}`?"


def test_one_option_through_two_keys_names_both() -> None:
    (diagnostic,) = checked(
        "model: m\ninference:\n  dtype: half\nvllm:\n  args:\n    dtype: auto\n"
    ).diagnostics
    assert diagnostic.code == "MX230"
    assert "inference.dtype" in diagnostic.message
    assert "vllm.args.dtype" in diagnostic.message
    assert [getattr(item.origin, "line", 0) for item in diagnostic.related] == [3]


def test_an_option_of_a_later_release_names_that_release() -> None:
    (diagnostic,) = checked(args("shutdown-timeout: 5"), release="0.12.0").diagnostics
    assert diagnostic.code == "MX212"


def test_named_sections_are_checked_like_options() -> None:
    text = "model: m\ninference:\n  kv_cache_dtype: fp9\n  gpu_memory_utilization: 90\n"
    assert found(text) == ["MX203 3:19", "MX204 4:27"]


def test_the_first_specs_example_loads_and_its_doubts_are_said() -> None:
    text = (Path(__file__).parents[2] / "profiles" / "llama-2-70b-awq.yaml").read_text()
    codes = [d.code for d in checked(text).diagnostics]
    assert sorted(codes) == ["MX232", "MX603", "MX604", "MX605", "MX701"]
    assert checked(text).errors == 0


@pytest.mark.parametrize(
    ("host", "open_to_all"),
    [("127.0.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True), ("::", True),
     ("10.1.2.3", True), ("gpu-box", True)],
)  # fmt: skip
def test_an_open_api_needs_a_key(host: str, open_to_all: bool) -> None:
    codes = found(f"model: m\nserver: {{host: '{host}'}}\n")
    assert [c[:5] for c in codes] == (["MX604"] if open_to_all else [])
    guarded = f"model: m\nserver: {{host: '{host}', api_key: '${{env:K}}'}}\n"
    assert found(guarded, environ=_KEY) == []


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ("VLLM_LOGGING_LEVEL: DEBUG", []),
        ("VLLM_LOGING_LEVEL: DEBUG", ["MX300 4:5"]),
        ("MY_OWN: x", []),
        ("VLLM_NO_USAGE_STATS: '1'", []),
        ("VLLM_NO_USAGE_STATS: 1", []),
        ("HF_TOKEN: ${env:HF_TOKEN:-}", []),
        ("HF_TOKEN: ${env:HF_TOKEN:-x}", ["MX600 4:15"]),
        ("HF_TOKEN: hf_abcdefghijklmnop", ["MX600 4:15"]),
        ("VLLM_LOGGING_LEVEL: [a]", ["MX304 4:25"]),
    ],
)
def test_a_variable(env: str, expected: list[str]) -> None:
    assert found(f"model: m\nvllm:\n  env:\n    {env}\n") == expected


def test_a_model_folder_must_be_one(tmp_path: Path) -> None:
    profile = tmp_path / "p.yaml"
    text = "model: ./model\n"
    assert [d.code for d in checked(text, path=profile).diagnostics] == ["MX700"]
    (tmp_path / "model").mkdir()
    assert [d.code for d in checked(text, path=profile).diagnostics] == ["MX700"]
    write_checkpoint(tmp_path / "model")
    assert checked(text, path=profile).diagnostics == ()


def test_files_of_the_server_must_be_there(tmp_path: Path) -> None:
    text = "model: m\nserver:\n  api_key_file: key\n  ssl_certfile: cert.pem\n"
    profile = tmp_path / "p.yaml"
    assert [d.code for d in checked(text, path=profile).diagnostics] == ["MX800", "MX800"]
    (tmp_path / "key").write_text("k")
    (tmp_path / "cert.pem").write_text("c")
    assert checked(text, path=profile).diagnostics == ()


def test_every_rule_has_a_manual_page_and_its_own_code() -> None:
    codes = [rule.code for rule in rules.ALL]
    assert len(set(codes)) == len(codes)
    for rule in rules.ALL:
        assert rule.check.__doc__, rule.code
