"""A model's folder whose weight files have headers and lengths, and no weights.

The files are sparse: 140 GB of them take some hundred kB of a disk, and whoever reads headers
cannot tell them from real ones.

``python -m mixvllm.testing.sparse_checkpoint MODEL FOLDER`` writes one of a well-known model
(`mixvllm.testing.public_configs`), to forecast and to rehearse without its weights.
"""

import argparse
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from mixvllm.core.units import show_size
from mixvllm.testing.checkpoint_shapes import tensors_of
from mixvllm.testing.public_configs import PUBLIC
from mixvllm.vllm.checkpoint.json_file import Json
from mixvllm.vllm.checkpoint.tensors import Tensor

_SHARD: Final = 5 * 10**9  # bytes; what transformers cuts checkpoints into


def write_sparse(folder: Path, config: Mapping[str, Json], *, shard: int = _SHARD) -> Path:
    """Write config.json, sparse weight files and their index. Returns the folder.

    Args:
        folder: is made.
        config: as for `mixvllm.testing.checkpoint_shapes.tensors_of`.
        shard: bytes after which another file is begun.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    (folder / "tokenizer.json").write_text("{}")
    shards = tuple(_shards(tensors_of(config), shard))
    places: dict[str, str] = {}
    for number, tensors in enumerate(shards, start=1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        write_header(folder / name, tensors)
        places |= {tensor.name: name for tensor in tensors}
    total = sum(tensor.size for tensors in shards for tensor in tensors)
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def write_header(path: Path, tensors: Sequence[Tensor]) -> None:
    """One file with so many tensors, full of nothing."""
    header: dict[str, Json] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, dtype, shape, size in tensors:
        header[name] = {
            "dtype": dtype,
            "shape": list(shape),
            "data_offsets": [end, end + size],
        }
        end += size
    text = json.dumps(header, separators=(",", ":")).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        os.truncate(file.fileno(), 8 + len(text) + end)


def _shards(tensors: Sequence[Tensor], most: int) -> Iterator[list[Tensor]]:
    some: list[Tensor] = []
    size = 0
    for tensor in tensors:
        if some and size + tensor.size > most:
            yield some
            some, size = [], 0
        some.append(tensor)
        size += tensor.size
    yield some


def main(arguments: Sequence[str] | None = None) -> None:
    """Write one folder, and say what is in it."""
    parser = argparse.ArgumentParser(prog="python -m mixvllm.testing.sparse_checkpoint")
    parser.add_argument("model", metavar="MODEL", choices=sorted(PUBLIC), help=", ".join(PUBLIC))
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    asked = parser.parse_args(arguments)
    write_sparse(asked.folder, PUBLIC[asked.model])
    files = sorted(asked.folder.glob("*.safetensors"))
    size = sum(path.stat().st_size for path in files)
    print(f"{asked.folder}: headers of {show_size(size)} of weights in {len(files)} files")


if __name__ == "__main__":
    main()
