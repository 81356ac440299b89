"""A model's folder, whole, torn, hostile and large."""

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mixvllm.testing.small_checkpoint import safetensors, write_checkpoint, write_shards
from mixvllm.vllm.checkpoint.folder import Checkpoint, read_checkpoint
from mixvllm.vllm.checkpoint.hub_cache import cache_folder, is_offline, snapshot
from mixvllm.vllm.checkpoint.json_file import SMALL, read_json
from mixvllm.vllm.checkpoint.safetensors import what_is_wrong

_SAME_FOLDER = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200
)


def read(folder: Path, load_format: str = "auto", *, fetched: bool = False) -> Checkpoint:
    return read_checkpoint(folder, fetched=fetched, load_format=load_format)


def test_a_whole_folder_has_nothing_wrong(tmp_path: Path) -> None:
    found = read(write_checkpoint(tmp_path))
    assert found.config is not None
    assert found.config.architectures == ("LlamaForCausalLM",)
    assert (found.config.heads, found.config.kv_heads) == (8, 2)
    assert found.broken == ()
    assert found.weights.files == ("model.safetensors",)
    assert found.weights.broken == ()
    assert found.has_tokenizer
    assert found.has_chat_template


def test_weights_are_looked_for_as_vllm_does(tmp_path: Path) -> None:
    write_checkpoint(tmp_path)
    for name in ("pytorch_model.bin", "training_args.bin", "extra.pt"):
        (tmp_path / name).write_bytes(b"pickle")
    assert read(tmp_path).weights.files == ("model.safetensors",)
    assert read(tmp_path, "npcache").weights.files == ("pytorch_model.bin",)
    assert read(tmp_path, "pt").weights.files == ("extra.pt",)
    assert read(tmp_path, "dummy").weights.patterns == ()
    (tmp_path / "model.safetensors").unlink()
    assert read(tmp_path).weights.pickled
    (tmp_path / "consolidated.safetensors").write_bytes(safetensors({"a": 1}))
    assert read(tmp_path).weights.files == ("consolidated.safetensors",)


def test_files_that_the_index_names_must_be_there(tmp_path: Path) -> None:
    write_checkpoint(tmp_path)
    write_shards(tmp_path, 4)
    (tmp_path / "model-00002-of-00004.safetensors").unlink()
    gone = ("model-00002-of-00004.safetensors",)
    assert read(tmp_path).weights.missing == gone
    assert read(tmp_path, fetched=True).weights.missing == ()
    assert read(tmp_path, fetched=True).weights.absent == gone


def test_without_an_index_the_numbers_of_files_tell_of_the_others(tmp_path: Path) -> None:
    write_checkpoint(tmp_path)
    write_shards(tmp_path, 4)
    (tmp_path / "model.safetensors.index.json").unlink()
    assert read(tmp_path).weights.missing == ()
    (tmp_path / "model-00003-of-00004.safetensors").unlink()
    assert read(tmp_path).weights.missing == ("model-00003-of-00004.safetensors",)
    assert read(tmp_path, "mistral").weights.missing == ()


def test_a_file_that_the_index_does_not_name_is_not_loaded(tmp_path: Path) -> None:
    write_checkpoint(tmp_path)
    write_shards(tmp_path, 2)
    (tmp_path / "other.safetensors").write_bytes(b"torn")
    assert read(tmp_path).weights.broken == ()


def test_a_link_to_nothing_is_no_file(tmp_path: Path) -> None:
    write_checkpoint(tmp_path)
    write_shards(tmp_path, 2)
    name = "model-00001-of-00002.safetensors"
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("../../blobs/gone")
    found = read(tmp_path)
    assert name not in found.names
    assert found.weights.missing == (name,)


@pytest.mark.parametrize("cut", [0, 1, 7, 8, 9, 40, -1, -64])
def test_a_weight_file_that_is_cut_off(tmp_path: Path, cut: int) -> None:
    whole = safetensors({"a": 64, "b": 64})
    path = tmp_path / "model.safetensors"
    path.write_bytes(whole)
    assert what_is_wrong(path) == ""
    path.write_bytes(whole[:cut])
    assert what_is_wrong(path).startswith("is cut off")


def test_tensors_in_another_order_are_seen_too(tmp_path: Path) -> None:
    header = json.dumps({
        "last": {"dtype": "U8", "shape": [8], "data_offsets": [8, 16]},
        "first": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]},
    }).encode()  # fmt: skip
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
    assert what_is_wrong(path) == ""
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(15))
    assert what_is_wrong(path).startswith("is cut off")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (b"\xff" * 64, "not a safetensors file"),
        (b"\x08" + bytes(7) + b"<html>..", "not a safetensors file"),
        (b"", "cut off"),
        ((10**8).to_bytes(8, "little") + b"{}", "cut off"),
        ((10**8 + 1).to_bytes(8, "little") + b"{}", "not a safetensors file"),
    ],
)
def test_a_file_that_holds_something_else(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    assert why in what_is_wrong(path)


def test_what_is_no_file_neither_hangs_nor_raises(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        assert what_is_wrong(tmp_path / name) == "is not a regular file"
    assert read_json(tmp_path / "pipe").fault == "is not a regular file"
    assert read_json(tmp_path / "folder").fault == "is a folder"
    assert read_json(tmp_path / "a\0b").fault == "is not a file's name"
    assert what_is_wrong(tmp_path / "none") == "is not there"
    assert not read_json(tmp_path / "none").there
    assert read(tmp_path / "none").names == frozenset()
    assert read_json(tmp_path / "pipe" / "x").fault.startswith("cannot be read")


def test_a_huge_configuration_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    with path.open("wb") as file:
        file.truncate(2**30)
    assert "far more" in read_json(path).fault
    path.write_bytes(b" " * SMALL)
    assert read_json(path).fault.startswith("is not JSON")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": [1, 2', "is not JSON, or cut off: line 1, column 12"),
        ("", "is not JSON"),
        ("[1]", "is not a JSON object"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "is not JSON"),
        ("version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
    ],
)
def test_a_configuration_that_is_none(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "config.json").write_text(text)
    (broken,) = read(tmp_path).broken
    assert broken.name == "config.json"
    assert broken.why.startswith(why)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
_KEYS = st.sampled_from([
    "architectures", "model_type", "text_config", "rope_scaling", "rope_parameters", "auto_map",
    "quantization_config", "max_position_embeddings", "num_attention_heads", "num_key_value_heads",
])  # fmt: skip


@_SAME_FOLDER
@given(st.dictionaries(_KEYS, _VALUES))
@example({"rope_scaling": {"type": "yarn", "original_max_position_embeddings": "8k"}})
@example({"rope_scaling": {"factor": float("inf")}, "max_position_embeddings": 1})
def test_whatever_stands_in_a_configuration_it_is_read(tmp_path: Path, values: object) -> None:
    (tmp_path / "config.json").write_text(json.dumps(values))
    config = read(tmp_path).config
    assert config is not None
    for release in ("0.12.0", "0.33.0"):
        longest = config.longest(release)
        assert longest is None or longest.tokens >= 0
    assert isinstance(config.architectures, tuple)
    assert config.heads is None or config.heads > 0
    assert config.kv_heads is None or config.kv_heads > 0
    assert isinstance(config.quantization_method, str)
    assert isinstance(dict(config.remote_code), dict)


@_SAME_FOLDER
@given(st.binary(max_size=300))
def test_any_bytes_in_any_file_are_a_fault_or_a_value(tmp_path: Path, data: bytes) -> None:
    names = ("config.json", "tokenizer_config.json", "model.safetensors.index.json")
    for name in (*names, "model.safetensors"):
        (tmp_path / name).write_bytes(data)
    found = read(tmp_path)
    assert {broken.name for broken in found.broken} <= set(names)
    assert all(broken.why for broken in (*found.broken, *found.weights.broken))


def test_two_hundred_files_cost_little(tmp_path: Path) -> None:
    write_checkpoint(tmp_path)
    write_shards(tmp_path, 200, tensors=300)
    begin = time.process_time()
    found = read(tmp_path)
    assert len(found.weights.files) == 200
    assert time.process_time() - begin < 0.5  # 0.03 s where this was written


def test_the_cache_is_where_the_environment_says() -> None:
    def folder(**environ: str) -> str | None:
        found = cache_folder(environ)
        return None if found is None else str(found)

    assert folder(HOME="/h") == "/h/.cache/huggingface/hub"
    assert folder(HOME="/h", XDG_CACHE_HOME="/x") == "/x/huggingface/hub"
    assert folder(HOME="/h", HF_HOME="~/hf") == "/h/hf/hub"
    assert folder(HOME="/h", HF_HOME="/hf", HF_HUB_CACHE="$HOME/c") == "/h/c"
    assert folder(HUGGINGFACE_HUB_CACHE="/old") == "/old"
    assert folder(PATH="") is None


@pytest.mark.parametrize(
    ("environ", "offline"),
    [({}, False), ({"HF_HUB_OFFLINE": "1"}, True), ({"HF_HUB_OFFLINE": "yes"}, True),
     ({"HF_HUB_OFFLINE": "0"}, False), ({"TRANSFORMERS_OFFLINE": "ON"}, True)],
)  # fmt: skip
def test_offline_is_what_the_library_takes_for_it(environ: dict[str, str], offline: bool) -> None:
    assert is_offline(environ) is offline


def test_a_snapshot_is_found_by_branch_and_by_commit(tmp_path: Path) -> None:
    repository = tmp_path / "models--org--name"
    commit = "0123456789abcdef0123456789abcdef01234567"
    (repository / "snapshots" / commit).mkdir(parents=True)
    (repository / "refs" / "refs" / "pr").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    (repository / "refs" / "refs" / "pr" / "1").write_text(commit)
    (repository / "refs" / "stale").write_text("f" * 40)
    found = repository / "snapshots" / commit
    for revision in (None, "main", commit, "refs/pr/1"):
        assert snapshot(tmp_path, "org/name", revision) == found
    for revision in ("stale", "v1", "..", "../snapshots", "/etc", "a\0b", "x/../.."):
        assert snapshot(tmp_path, "org/name", revision) is None
    assert snapshot(tmp_path, "org/other", None) is None


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":[' + b"[]," * 500_000 + b"[]]}",
        b"{" + b",".join(b'"%x":0' % i for i in range(400_001)) + b"}",
        b'{"a":"' + b"a" * (SMALL // 4) + "\U0001f600".encode() + b'"}',
    ],
    ids=["lists", "keys", "wide letters"],
)
def test_a_configuration_that_grows_in_memory_is_not_parsed(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(data)
    assert read_json(path).fault == "holds far more than such a file does"


def test_long_headers_are_not_searched_through(tmp_path: Path) -> None:
    """300 files of nothing, each of which says that its header has 100 MB."""
    write_checkpoint(tmp_path)
    for i in range(300):
        path = tmp_path / f"model-{i:05}.safetensors"
        path.write_bytes((99_999_999).to_bytes(8, "little") + b"{")
        os.truncate(path, 200_000_000)
    began = time.process_time()
    assert read(tmp_path).weights.broken == ()
    assert time.process_time() - began < 2
