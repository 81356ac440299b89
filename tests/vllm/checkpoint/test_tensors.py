"""Headers of weight files: whole, torn, hostile and many."""

import json
import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixvllm.testing.checkpoint_shapes import tensors_of
from mixvllm.testing.public_configs import PUBLIC
from mixvllm.testing.small_checkpoint import safetensors
from mixvllm.testing.sparse_checkpoint import write_header, write_sparse
from mixvllm.vllm.checkpoint.folder import read_checkpoint
from mixvllm.vllm.checkpoint.tensors import BITS, Tensor, Tensors, read_tensors

FILE = "model.safetensors"


def write(folder: Path, header: object, size: int = 0) -> Path:
    data = header if isinstance(header, bytes) else json.dumps(header).encode()
    path = folder / FILE
    path.write_bytes(len(data).to_bytes(8, "little") + data + bytes(size))
    return path


def read(folder: Path, *names: str) -> Tensors:
    return read_tensors(folder, names or (FILE,))


def why(folder: Path) -> str:
    found = read(folder)
    assert found.each == ()
    (broken,) = found.broken
    assert broken.name == FILE
    return broken.why


def test_a_header_names_types_shapes_and_sizes(tmp_path: Path) -> None:
    write(tmp_path, {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]},
        "b": {"dtype": "F4", "shape": [3, 2], "data_offsets": [12, 15]},
        "scalar": {"dtype": "F32", "shape": [], "data_offsets": [15, 19]},
        "new": {"dtype": "F3", "shape": [5], "data_offsets": [19, 21]},
    }, 21)  # fmt: skip
    found = read(tmp_path)
    assert found.each == (
        Tensor("a", "BF16", (2, 3), 12),
        Tensor("b", "F4", (3, 2), 3),
        Tensor("scalar", "F32", (), 4),
        Tensor("new", "F3", (5,), 2),
    )
    assert (found.total, found.broken) == (21, ())


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"\xff" * 30, "is not a safetensors file"),
        (b"{" + b"[" * 30_000, "nested too deeply|not JSON"),
        (b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}", "nested too deeply|how large"),
        (b"{]", "not JSON"),
        (b'{"a":' + b"9" * 5000 + b"}", "not JSON|how large"),
        (b'{"a":[' + b"[]," * 1_000_000 + b"0]}", "holds far more than such a file does"),
        ({"a": None}, "does not say how large 'a' is"),
        ({"a": {"dtype": "F16", "shape": [1], "data_offsets": [2, 0]}}, "how large"),
        ({"a": {"dtype": "F16", "shape": [1], "data_offsets": [-2, 0]}}, "how large"),
        ({"a": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2**63]}}, "how large"),
        ({"a": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2.0]}}, "how large"),
        ({"a": {"dtype": "F16", "shape": [1], "data_offsets": [0, True]}}, "how large"),
        ({"a": {"dtype": "F16", "shape": [-1], "data_offsets": [0, 2]}}, "how large"),
        ({"a": {"dtype": "F16", "shape": [[1]], "data_offsets": [0, 2]}}, "how large"),
        ({"a": {"dtype": "F16", "shape": "1", "data_offsets": [0, 2]}}, "how large"),
        ({"a": {"dtype": 16, "shape": [1], "data_offsets": [0, 2]}}, "how large"),
        ({"a": {"dtype": "F16", "shape": [1]}}, "how large"),
        ({"a": {"dtype": "F16", "shape": [9], "data_offsets": [0, 2]}}, "says two things of how"),
        ({"x" * 5000: {}}, "how large 'x{80}' is"),
    ],
)
def test_a_header_that_lies(tmp_path: Path, header: object, expected: str) -> None:
    write(tmp_path, header)
    assert re.search(expected, why(tmp_path))


def test_a_tensor_after_one_that_is_alike_is_looked_at_too(tmp_path: Path) -> None:
    good = {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}
    write(tmp_path, {"a": good, "b": good | {"data_offsets": [4, 9]}})
    assert why(tmp_path) == "says two things of how large 'b' is"


def test_what_is_no_weight_file(tmp_path: Path) -> None:
    path = tmp_path / FILE
    assert why(tmp_path) == "is not there"
    path.mkdir()
    assert "directory" in why(tmp_path) or "regular" in why(tmp_path)
    path.rmdir()
    os.mkfifo(path)
    assert why(tmp_path) == "is not a regular file"
    path.unlink()
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n")
    assert "git lfs pull" in why(tmp_path)
    for data in (b"", b"1234567", bytes(8)):
        path.write_bytes(data)
        assert why(tmp_path) == "is not a safetensors file"
    path.write_bytes((2**40).to_bytes(8, "little") + b"{}")
    assert why(tmp_path) == "has a header of 1.0 TiB, far more than such a file has"
    path.write_bytes((99).to_bytes(8, "little") + b"{}")
    assert why(tmp_path) == "is cut off: it ends inside its header, after 10 B"
    path.unlink()
    path.symlink_to(path)
    assert why(tmp_path).startswith("cannot be read")
    assert read(tmp_path, "nul\0.safetensors").broken[0].why == "is not a file's name"


def test_a_file_without_its_weights_is_enough(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_bytes(safetensors({"a": 64, "b": 64})[:-128])
    assert read(tmp_path).total == 128


def test_of_pickles_only_the_length_is_known(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(1000))
    (tmp_path / "b.bin").write_bytes(bytes(24))
    assert read(tmp_path, "a.bin", "b.bin") == Tensors((), 1024, ())
    (tmp_path / "b.bin").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    found = read(tmp_path, "a.bin", "b.bin")
    assert found.total is None
    assert "git lfs pull" in found.broken[0].why


def test_a_file_elsewhere_is_not_read_and_what_is_in_two_files_counts_once(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    tensor = Tensor("a", "BF16", (4,), 8)
    for path in (tmp_path / FILE, folder / "one.safetensors", folder / "two.safetensors"):
        write_header(path, [tensor])
    (broken,) = read(folder, f"../{FILE}").broken
    assert broken.why == "is not in the model's folder"
    assert read(folder, str(tmp_path / FILE)).each == ()
    both = read(folder, "one.safetensors", "two.safetensors")
    assert (both.each, both.total) == ((tensor,), 8)


def test_an_index_knows_the_total_of_files_that_are_not_there(tmp_path: Path) -> None:
    write_sparse(tmp_path, PUBLIC["Qwen/Qwen3-0.6B"], shard=10**9)
    names = tuple(path.name for path in sorted(tmp_path.glob("*.safetensors")))
    assert len(names) == 2
    whole = read(tmp_path, *names)
    (tmp_path / names[1]).unlink()
    torn = read(tmp_path, *names)
    assert torn.total == whole.total
    assert [(broken.name, broken.why) for broken in torn.broken] == [(names[1], "is not there")]
    (tmp_path / "model.safetensors.index.json").write_text('{"metadata": {"total_size": "1"}}')
    assert read(tmp_path, *names).total is None


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300
)
@given(data=st.binary(max_size=200), length=st.integers(0, 300))
def test_no_bytes_raise(tmp_path: Path, data: bytes, length: int) -> None:
    (tmp_path / FILE).write_bytes(length.to_bytes(8, "little") + b"{" + data)
    found = read(tmp_path)
    assert found.broken or found.total is not None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(
    header=st.dictionaries(
        st.text(max_size=8),
        _JSON
        | st.fixed_dictionaries({
            "dtype": st.sampled_from([*BITS, "?"]) | _JSON,
            "shape": st.lists(st.integers(-1, 5), max_size=3) | _JSON,
            "data_offsets": st.lists(st.integers(-1, 99), max_size=3) | _JSON,
        }),
    )
)  # fmt: skip
def test_no_header_raises(tmp_path: Path, header: dict[str, object]) -> None:
    write(tmp_path, json.dumps(header).encode())
    assert read(tmp_path).broken or all(tensor.size >= 0 for tensor in read(tmp_path).each)


def test_a_sparse_checkpoint_is_read_as_a_real_one(tmp_path: Path) -> None:
    config = PUBLIC["meta-llama/Llama-3.3-70B-Instruct"]
    write_sparse(tmp_path, config)
    found = read_checkpoint(tmp_path, fetched=False)
    assert (found.broken, found.weights.broken, found.weights.missing) == ((), (), ())
    assert len(found.weights.files) == 30
    tensors = read_tensors(tmp_path, found.weights.files)
    assert tensors.each == tensors_of(config)
    assert tensors.total == 141_107_412_992  # as the repository's index has it
    on_disk = sum(path.stat().st_blocks * 512 for path in tmp_path.iterdir())
    assert on_disk < 2 * 2**20


def test_headers_of_a_large_model_are_read_in_a_moment(tmp_path: Path) -> None:
    tensors = tensors_of(PUBLIC["Qwen/Qwen3-235B-A22B-Instruct-2507-FP8"])
    write_header(tmp_path / FILE, tensors)
    began = time.process_time()
    found = read(tmp_path)
    assert time.process_time() - began < 3
    assert len(found.each) == len(tensors) > 70_000
