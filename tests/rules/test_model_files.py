"""Rules about a model's files: what they say of a folder, and which good ones they leave alone."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from mixvllm.rules import of_the_files
from mixvllm.services.check import Checked, Request, check
from mixvllm.testing.small_checkpoint import safetensors, write_checkpoint, write_shards

_DATA = Path(__file__).parents[1] / "data" / "model_configs.json"
CONFIGS: dict[str, dict[str, object]] = json.loads(_DATA.read_text())
_RELEASES = ("0.12.0", "0.20.2", "0.29.0", "0.32.0", "0.33.0")


def findings(
    folder: Path | str,
    *args: str,
    release: str = "0.32.0",
    environ: Iterable[tuple[str, str]] = (),
    sections: str = "",
) -> Checked:
    """A profile of one model with these lines under `vllm.args`."""
    lines = "vllm:\n  args:\n" + "".join(f"    {arg}\n" for arg in args) if args else ""
    text = f"model: {folder}\n{lines}{sections}".encode()
    variables = {"PATH": "", **dict(environ)}
    return check(Request(Path("profile.yaml"), variables, release=release, text=text))


def codes(*words: Path | str, **settings: str) -> list[str]:
    """The codes of the findings."""
    folder, *args = words
    found = findings(folder, *map(str, args), **settings)  # type: ignore[arg-type]
    return [d.code for d in found.diagnostics]


def message(folder: Path, *args: str, release: str = "0.32.0") -> str:
    """The only finding's message."""
    (found,) = findings(folder, *args, release=release).diagnostics
    return found.message


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A whole folder of a small model."""
    return write_checkpoint(tmp_path / "model")


@pytest.mark.parametrize("release", _RELEASES)
@pytest.mark.parametrize("name", CONFIGS)
def test_a_good_model_of_every_family_is_left_alone(
    tmp_path: Path, name: str, release: str
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIGS[name]))
    write_checkpoint(tmp_path)
    assert codes(tmp_path, release=release) == []


# As vLLM 0.32.0 derived them (`ModelConfig.max_model_len` of such a folder, real run).
@pytest.mark.parametrize(
    ("name", "longest"),
    [
        ("llama-3.1-8b", 131072), ("llama-linear-scaling", 32768), ("qwen2-7b", 32768),
        ("qwen3-8b", 40960), ("qwen3-8b-yarn", 131072), ("mixtral-8x7b", 32768),
        ("deepseek-v3", 163840), ("gemma-2-9b", 8192), ("gemma-3-1b", 32768),
        ("phi-3.5-mini", 131072), ("gpt-oss-20b", 131072), ("qwen2-vl-7b", 32768),
        ("whisper-large-v3", 448), ("bge-base", 512), ("jamba-mini", 262144),
        ("command-r", 131072), ("gpt2", 1024), ("llama-classifier", 131072),
    ],
)  # fmt: skip
def test_the_longest_context_is_vllms(tmp_path: Path, name: str, longest: int) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIGS[name]))
    write_checkpoint(tmp_path)
    assert codes(tmp_path, f"max-model-len: {longest}") == []
    assert f"sees {longest} tokens" in message(tmp_path, f"max-model-len: {longest + 1}")


def test_gemma_3s_length_is_scaled_already(tmp_path: Path) -> None:
    part = CONFIGS["gemma-3-4b"]["text_config"]
    assert isinstance(part, dict)
    write_checkpoint(
        tmp_path,
        **{**CONFIGS["gemma-3-4b"], "text_config": {**part, "max_position_embeddings": 131072}},
    )
    assert "sees 131072 tokens" in message(tmp_path, "max-model-len: 131073")


def test_yarn_was_scaled_from_its_original_length_before_0_30(tmp_path: Path) -> None:
    config = {**CONFIGS["qwen3-8b-yarn"], "max_position_embeddings": 40960}
    (tmp_path / "config.json").write_text(json.dumps(config))
    write_checkpoint(tmp_path)
    assert codes(tmp_path, "max-model-len: 131072", release="0.29.0") == []
    assert codes(tmp_path, "max-model-len: 131072", release="0.30.0") == ["MX704"]


@pytest.mark.parametrize("written", ["auto", "-1", "2k", "2K", "2048"])
def test_a_context_that_fits(model: Path, written: str) -> None:
    assert "MX704" not in codes(model, f"max-model-len: {written}")


def test_a_longer_context_can_be_allowed(model: Path) -> None:
    line = "max-model-len: 4096"
    assert codes(model, line) == ["MX704"]
    allowed = [("VLLM_ALLOW_LONG_MAX_MODEL_LEN", "1")]
    assert findings(model, line, environ=allowed).diagnostics == ()
    own = "  env:\n    VLLM_ALLOW_LONG_MAX_MODEL_LEN: '1'\n"
    assert findings(model, line, sections=own).diagnostics == ()


def test_what_the_profile_lays_over_the_configuration_is_not_judged(model: Path) -> None:
    overrides = "hf-overrides: {max_position_embeddings: 65536}"
    assert codes(model, "max-model-len: 4096", overrides) == []


@pytest.mark.parametrize(
    ("method", "code"),
    [("awq", "MX702"), ("gptq_marlin", "MX702"), ("compressed-tensors", "MX702"), ("fp8", None),
     ("experts_int8", None), ("fp8_per_block", None)],
)  # fmt: skip
def test_a_quantisation_of_plain_weights(model: Path, method: str, code: str | None) -> None:
    assert codes(model, f"quantization: {method}") == ([code] if code else [])


def test_a_description_beside_the_configuration_counts(model: Path) -> None:
    (model / "quantize_config.json").write_text("{}")
    assert codes(model, "quantization: gptq") == []


@pytest.mark.parametrize(
    ("stored", "asked", "code"),
    [
        ("awq", "awq", None), ("awq", "awq_marlin", None), ("awq", "gptq", "MX703"),
        ("awq", "fp8", "MX703"), ("gptq", "gptq_marlin", None), ("gptq", "awq", "MX703"),
        ("fp8", "fp8", None), ("fp8", "awq", "MX703"), ("compressed-tensors", "fp8", "MX703"),
        ("modelopt", "fp8", None), ("auto-round", "gptq", None), ("brand-new", "awq", None),
    ],
)  # fmt: skip
def test_a_quantisation_beside_the_checkpoints(
    tmp_path: Path, stored: str, asked: str, code: str | None
) -> None:
    write_checkpoint(tmp_path, quantization_config={"quant_method": stored})
    assert codes(tmp_path, f"quantization: {asked}") == ([code] if code else [])


def test_a_method_that_vllm_gave_up(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, quantization_config={"quant_method": "bitsandbytes"})
    assert codes(tmp_path, release="0.27.1") == []
    assert "0.28.0 removed" in message(tmp_path)


@pytest.mark.parametrize(
    ("heads", "kv_heads", "ranks", "fits"),
    [(8, 2, 2, True), (8, 2, 4, True), (8, 2, 3, False), (28, 4, 8, False), (28, 4, 7, False),
     (28, 4, 4, True), (64, 8, 16, True), (12, 4, 6, False), (9, 3, 3, True)],
)  # fmt: skip
def test_heads_are_shared_out_whole(
    tmp_path: Path, heads: int, kv_heads: int, ranks: int, fits: bool
) -> None:
    write_checkpoint(tmp_path, num_attention_heads=heads, num_key_value_heads=kv_heads)
    found = codes(tmp_path, f"tensor-parallel-size: {ranks}")
    copied = ["MX414"] if ranks > kv_heads else []  # not wrong, but worth a word
    assert found == (copied if fits else ["MX705"])


def test_heads_that_are_not_written_are_not_known(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, num_attention_heads=None)
    assert codes(tmp_path, "tensor-parallel-size: 3") == []
    write_checkpoint(tmp_path / "parts", text_config={"hidden_size": 64})
    assert codes(tmp_path / "parts", "tensor-parallel-size: 3") == []


def test_pipeline_stages(model: Path, tmp_path: Path) -> None:
    assert codes(model, "pipeline-parallel-size: 2") == []
    (tmp_path / "config.json").write_text(json.dumps(CONFIGS["whisper-large-v3"]))
    write_checkpoint(tmp_path)
    assert codes(tmp_path, "pipeline-parallel-size: 2") == ["MX706"]


def test_a_chat_needs_a_template(model: Path, tmp_path: Path) -> None:
    (model / "tokenizer_config.json").write_text("{}")
    assert codes(model) == ["MX707"]
    assert codes(model, "runner: pooling") == []
    assert codes(model, "chat-template: '{{ messages }}'") == []
    assert codes(model, "tokenizer-mode: mistral") == []
    other = write_checkpoint(tmp_path / "other")
    assert codes(model, f"tokenizer: {other}") == []
    (model / "chat_template.jinja").write_text("{{ messages }}")
    assert codes(model) == []


def test_weights_that_are_not_all_there(model: Path) -> None:
    write_shards(model, 6)
    for number in (1, 2, 3, 4):
        (model / f"model-0000{number}-of-00006.safetensors").unlink()
    assert message(model).startswith("4 of the model's weight files are not there: model-00001")
    assert message(model).endswith("and 1 more")
    for path in model.glob("*.safetensors*"):
        path.unlink()
    assert "holds no weights" in message(model)
    assert codes(model, "load-format: dummy") == []
    assert codes(model, "load-format: runai_streamer") == []


def test_a_weight_file_that_is_cut_off(model: Path) -> None:
    (model / "model.safetensors").write_bytes(safetensors({"a": 5000})[:3000])
    assert message(model) == "the weight file model.safetensors is cut off: 2.9 KiB of 5.0 KiB"


def test_pickles_are_told(model: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    assert codes(model) == ["MX709"]
    assert codes(model, "load-format: safetensors") == ["MX708"]


def test_a_folder_without_a_tokenizer(model: Path) -> None:
    for path in model.glob("tokenizer*"):
        path.unlink()
    assert codes(model) == ["MX710"]
    assert codes(model, "skip-tokenizer-init: true") == []
    (model / "tekken.json").write_text("{}")
    assert codes(model) == ["MX707"]


def test_code_that_is_not_trusted(tmp_path: Path) -> None:
    code = {"AutoConfig": "configuration_x.XConfig", "AutoModelForCausalLM": "modeling_x.X"}
    write_checkpoint(tmp_path, model_type="x", architectures=["X"], auto_map=code)
    assert codes(tmp_path) == ["MX711"]
    assert codes(tmp_path, "trust-remote-code: true") == []


def test_an_architecture_of_another_release(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "new", architectures=["Gemma4ForCausalLM"], model_type="g")
    assert codes(tmp_path / "new") == []
    (found,) = findings(tmp_path / "new", release="0.12.0").diagnostics
    assert (found.code, found.severity, found.label) == ("MX712", "warning", "vLLM 0.19.1 has it")
    write_checkpoint(tmp_path / "own", architectures=["BailingMoeV3ForCausalLM"], model_type="g")
    (found,) = findings(tmp_path / "own", release="0.12.0").diagnostics
    assert (found.code, found.severity) == ("MX712", "error")
    write_checkpoint(tmp_path / "old", architectures=["XverseForCausalLM"], model_type="x")
    assert codes(tmp_path / "old", release="0.22.1") == []
    (found,) = findings(tmp_path / "old").diagnostics
    assert found.label == "vLLM 0.24.0 removed it"
    write_checkpoint(tmp_path / "typo", architectures=["Qwen3ForCasualLM"])
    (found,) = findings(tmp_path / "typo").diagnostics
    assert found.hint == "did its config.json mean Qwen3ForCausalLM?"


@pytest.mark.parametrize(
    "architecture",
    ["BailingMoeV3ForSequenceClassification", "Qwen2ForRewardModel", "PersimmonForCausalLM"],
)
def test_what_vllm_makes_of_another_class_is_no_unknown(tmp_path: Path, architecture: str) -> None:
    write_checkpoint(tmp_path, architectures=[architecture])
    assert codes(tmp_path) == []


@pytest.mark.parametrize(
    ("written", "release", "code"),
    [
        ("temperature: 2.5", "0.32.0", "MX713"), ("temperature: 2.5", "0.23.0", None),
        ("temperature: 2", "0.32.0", None), ("top_p: 0.5", "0.32.0", None),
        ("presence_penalty: 3", "0.32.0", "MX713"), ("presence_penalty: 3", "0.30.0", None),
        ("top_k: 1.5", "0.32.0", "MX713"), ("min_p: 2", "0.32.0", "MX713"),
        ("max_new_tokens: 0", "0.32.0", "MX713"), ("repetition_penalty: 0", "0.32.0", "MX713"),
    ],
)  # fmt: skip
def test_sampling_defaults_that_are_refused(
    model: Path, written: str, release: str, code: str | None
) -> None:
    line = f"override-generation-config: {{{written}}}"
    expected = [code] if code else []
    assert codes(model, line, release=release) == expected
    (model / "generation_config.json").write_text(f'{{"{written.replace(":", chr(34) + ":")}}}')
    assert codes(model, release=release) == expected
    assert codes(model, "generation-config: vllm", release=release) == []


def test_a_default_of_the_profile_stands_at_its_own_key() -> None:
    (found,) = findings("m", sections="generation_defaults:\n  temperature: 3\n").diagnostics
    assert (found.code, found.key) == ("MX713", ("generation_defaults", "temperature"))


def test_float16(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIGS["gemma-2-9b"]))
    write_checkpoint(tmp_path)
    assert codes(tmp_path, "dtype: half") == ["MX714"]
    assert codes(tmp_path, "dtype: auto") == []


def cached(home: Path, name: str) -> Path:
    """A model's folder in a Hub cache, its files links to blobs."""
    repository = home / "hub" / f"models--{name.replace('/', '--')}"
    commit = "0" * 40
    write_checkpoint(repository / "blobs")
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    for path in (repository / "blobs").iterdir():
        (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    return snapshot


def test_a_model_in_the_hubs_cache(tmp_path: Path) -> None:
    snapshot = cached(tmp_path, "org/name")
    here = [("HF_HOME", str(tmp_path))]
    offline = [*here, ("HF_HUB_OFFLINE", "1")]
    assert findings("org/name", environ=offline).diagnostics == ()
    (found,) = findings("org/name", "max-model-len: 4096", environ=here).diagnostics
    assert found.code == "MX704"
    (snapshot / "model.safetensors").resolve().unlink()
    assert findings("org/name", environ=here).diagnostics == ()  # it will be fetched
    (found,) = findings("org/name", environ=offline).diagnostics
    assert found.code == "MX708"


def test_a_model_that_is_not_here_says_nothing_unless_the_network_is_forbidden(
    tmp_path: Path,
) -> None:
    here = [("HF_HOME", str(tmp_path))]
    offline = [*here, ("HF_HUB_OFFLINE", "1")]
    assert findings("org/name", environ=here).diagnostics == ()
    (found,) = findings("org/name", environ=offline).diagnostics
    assert found.code == "MX715"
    cached(tmp_path, "org/name")
    (found,) = findings("org/name", "revision: v2", environ=offline).diagnostics
    assert (found.code, found.key) == ("MX715", ("vllm", "args", "revision"))
    own = f"vllm:\n  env:\n    HF_HOME: {tmp_path}\n    HF_HUB_OFFLINE: '1'\n"
    assert findings("org/name", sections=own).diagnostics == ()


def test_weights_in_a_folder_of_their_own(tmp_path: Path) -> None:
    cached(tmp_path / "home", "org/name")
    elsewhere = cached(tmp_path / "data", "org/name").parents[2]
    environ = [("HF_HOME", str(tmp_path / "home")), ("HF_HUB_OFFLINE", "1")]
    torn = elsewhere / "models--org--name" / "blobs" / "model.safetensors"
    torn.write_bytes(b"torn")
    line = f"download-dir: {elsewhere}"
    (found,) = findings("org/name", line, environ=environ).diagnostics
    assert found.code == "MX708"


@pytest.mark.parametrize("name", ["s3://bucket/model", "./model.gguf", "org/name:Q4_K_M", "m" * 99])
def test_a_model_from_somewhere_else_is_not_looked_at(tmp_path: Path, name: str) -> None:
    environ = [("HF_HOME", str(tmp_path)), ("HF_HUB_OFFLINE", "1")]
    found = findings(name, environ=environ).diagnostics
    assert [d.code for d in found if d.code not in ("MX700", "MX426")] == []


def adapter(folder: Path, **values: object) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": 16, **values}))
    return folder


def test_adapters(tmp_path: Path, model: Path) -> None:
    good = adapter(tmp_path / "good")
    large = adapter(tmp_path / "large", r=64)
    dora = adapter(tmp_path / "dora", use_dora=True)
    whole = adapter(tmp_path / "whole", modules_to_save=["lm_head"])
    assert codes(model, "enable-lora: true", f"lora-modules: [a={good}, b=org/name]") == []
    for bad in (large, dora, whole, tmp_path / "none"):
        modules = f"lora-modules: [a={good}, {{name: b, path: {bad}}}]"
        assert codes(model, "enable-lora: true", modules) == ["MX716"]
    unnamed = f"lora-modules: [{{nam: b, path: {large}}}]"
    assert codes(model, "enable-lora: true", unnamed) == ["MX251"]
    lines = ("enable-lora: true", "max-lora-rank: 64", f"lora-modules: [b={large}]")
    assert codes(model, *lines) == []


def test_text_from_a_model_that_gives_none(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIGS["bge-base"]))
    write_checkpoint(tmp_path)
    assert codes(tmp_path, "runner: generate") == ["MX717"]
    assert codes(tmp_path, "runner: pooling") == []


def test_torn_files(model: Path) -> None:
    (model / "generation_config.json").write_text("{")
    (found,) = findings(model).diagnostics
    assert (found.code, found.severity.value) == ("MX718", "warning")
    (model / "config.json").write_text("{")
    assert codes(model) == ["MX718", "MX718"]


def test_experts_of_a_dense_model(model: Path, tmp_path: Path) -> None:
    assert codes(model, "enable-expert-parallel: true") == ["MX719"]
    (tmp_path / "config.json").write_text(json.dumps(CONFIGS["qwen3-30b-a3b"]))
    write_checkpoint(tmp_path)
    assert codes(tmp_path, "enable-expert-parallel: true") == []


def test_every_rule_of_the_files_has_a_page_and_a_code_of_its_own() -> None:
    rules = list(of_the_files())
    assert len({rule.code for rule in rules}) == len(rules)
    assert all(rule.check.__doc__ for rule in rules)
