"""The tensors that weight files hold: names, types, shapes and bytes, from headers alone.

A safetensors file begins with 8 bytes of length and a JSON header (see
:mod:`mixvllm.vllm.checkpoint.safetensors`). Only headers are read, so 140 GB of weights cost some
hundred kB. Of pickles nothing but the length is known without running what they hold.
"""

import json
import math
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from mixvllm.core.units import show_size
from mixvllm.vllm.checkpoint.config import whole
from mixvllm.vllm.checkpoint.folder import INDEX, INDEX_BYTES, Broken
from mixvllm.vllm.checkpoint.json_file import POINTER, Json, read_json

# Bits of an element, as the format's library names its types (safetensors 0.6, `Dtype`).
BITS: Final = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
LONGEST_HEADER: Final = 32 * 2**20  # bytes; 36,000 tensors in one file take 5 MB
_MOST_VALUES: Final = 2_000_000  # of one header; 36,000 tensors have 300,000
_LARGEST: Final = 2**62  # bytes of a tensor; what is more is no size


class Tensor(NamedTuple):
    """One tensor of a checkpoint."""

    name: str
    dtype: str  # as the format spells it: BF16, F8_E4M3, I32, ...
    shape: tuple[int, ...]
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Tensors:
    """What weight files hold.

    ``total`` is the bytes of all weights, also where the tensors themselves cannot be seen: of
    pickles the files' length, of files that are not there what the index says. None: unknown.
    """

    each: tuple[Tensor, ...] = ()
    total: int | None = None
    broken: tuple[Broken, ...] = ()


class UnreadableHeader(ValueError):
    """A header that cannot be used; why, in words that follow the file's name."""


def read_tensors(folder: Path, names: Iterable[str]) -> Tensors:
    """Read the headers of a folder's weight files. Never raises.

    Args:
        folder: where the files are.
        names: the files, also those that an index names and that are not there.
    """
    tensors: dict[str, Tensor] = {}  # one that is in two files is loaded twice and kept once
    broken: list[Broken] = []
    pickles = 0
    for name in names:
        if "/" in name:  # of an index: vLLM loads what is in the folder, and no more
            broken.append(Broken(name, "is not in the model's folder"))
            continue
        try:
            if name.endswith(".safetensors"):
                tensors |= {tensor.name: tensor for tensor in parse_header(_header(folder / name))}
            else:
                pickles += _length(folder / name)
        except UnreadableHeader as why:
            broken.append(Broken(name, str(why)))
        except ValueError:  # a NUL in the name
            broken.append(Broken(name, "is not a file's name"))
        except FileNotFoundError:
            broken.append(Broken(name, "is not there"))
        except OSError as error:
            broken.append(Broken(name, f"cannot be read: {error.strerror}"))
    if broken:
        total = total_of_index(
            read_json(folder / INDEX, at_most=INDEX_BYTES).values.get("metadata")
        )
    else:
        total = pickles + sum(tensor.size for tensor in tensors.values())
    return Tensors(tuple(tensors.values()), total, tuple(broken))


def total_of_index(metadata: Json) -> int | None:
    """The bytes of all tensors as an index's ``metadata`` tells them."""
    return whole(metadata.get("total_size")) if isinstance(metadata, dict) else None


def length_of_header(start: bytes) -> int:
    """The bytes of the header, from a file's first bytes. Raises UnreadableHeader."""
    if start.startswith(POINTER):
        raise UnreadableHeader(
            "is a Git LFS pointer, not the weights: run `git lfs pull` in the model's folder"
        )
    length = int.from_bytes(start[:8], "little")
    if len(start) < 9 or start[8:9] != b"{":
        raise UnreadableHeader("is not a safetensors file")
    if length > LONGEST_HEADER:
        raise UnreadableHeader(
            f"has a header of {show_size(length)}, far more than such a file has"
        )
    return length


def parse_header(data: bytes) -> Iterator[Tensor]:
    """The tensors of one header. Raises UnreadableHeader."""
    if data.count(b",") + data.count(b"[") + data.count(b"{") > _MOST_VALUES:
        raise UnreadableHeader("has a header that holds far more than such a file does")
    try:
        header = json.loads(data)
    except RecursionError:
        raise UnreadableHeader("has a header that is nested too deeply") from None
    except ValueError:
        raise UnreadableHeader("has a header that is not JSON") from None
    if not isinstance(header, dict):
        raise UnreadableHeader("has a header that is not a JSON object")
    known: dict[tuple[str, tuple[int, ...]], int] = {}  # most tensors are like one before
    for name, entry in header.items():
        if name != "__metadata__":
            yield _tensor(name, entry, known)


def _tensor(name: str, entry: Json, known: dict[tuple[str, tuple[int, ...]], int]) -> Tensor:
    """One tensor: a pattern of `match` would take ten times as long."""
    if isinstance(entry, dict):
        dtype, shape, place = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
        if isinstance(dtype, str) and isinstance(shape, list) and isinstance(place, list):
            size = _between(place)
            sides = tuple(side for side in shape if type(side) is int and side >= 0)
            if size is not None and len(sides) == len(shape):
                if known.get((dtype, sides)) != size and not _is_size(dtype, sides, size):
                    raise UnreadableHeader(f"says two things of how large {name[:80]!r} is")
                known[dtype, sides] = size
                return Tensor(name, dtype, sides, size)
    raise UnreadableHeader(f"does not say how large {name[:80]!r} is")


def _between(place: list[Json]) -> int | None:
    """The bytes from one place of a file to another."""
    if len(place) != 2:
        return None
    start, end = place
    if not isinstance(start, int) or not isinstance(end, int) or type(end) is bool:
        return None
    return end - start if 0 <= start <= end < _LARGEST else None


def _is_size(dtype: str, sides: tuple[int, ...], size: int) -> bool:
    bits = BITS.get(dtype)
    return bits is None or math.prod(sides) * bits == size * 8


def _header(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        size = _regular(descriptor)
        length = length_of_header(os.pread(descriptor, len(POINTER), 0))
        if size < 8 + length:
            raise UnreadableHeader(
                f"is cut off: it ends inside its header, after {show_size(size)}"
            )
        return os.pread(descriptor, length, 8)
    finally:
        os.close(descriptor)


def _length(path: Path) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        size = _regular(descriptor)
        length_or_pointer = os.pread(descriptor, len(POINTER), 0)
        if length_or_pointer.startswith(POINTER):
            length_of_header(length_or_pointer)
        return size
    finally:
        os.close(descriptor)


def _regular(descriptor: int) -> int:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableHeader("is not a regular file")
    return status.st_size
