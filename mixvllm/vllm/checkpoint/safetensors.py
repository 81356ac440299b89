"""Whether a safetensors file is whole, from its first bytes and its length alone.

The format: 8 bytes with the length of a JSON header, the header, then the tensors; the header
says where each tensor ends. Its writer puts the tensors in the order of their places, so the last
``data_offsets`` of the header is where the file must end, and of 200 files of 5 GB only some kB
each are read.
"""

import os
import re
import stat
from pathlib import Path
from typing import Final

from mixvllm.core.units import show_size
from mixvllm.vllm.checkpoint.json_file import POINTER

_LONGEST_HEADER: Final = 100_000_000  # bytes, the format's own limit
_TAIL: Final = 4096  # bytes of the header's end that are read first
_LONGEST_SEEN: Final = 2**20  # bytes of a header that are read where its end is not enough
_ENDS: Final = re.compile(rb'"data_offsets"\s*:\s*\[\s*\d{1,20}\s*,\s*(\d{1,20})\s*\]')


def what_is_wrong(path: Path) -> str:
    """Why a weight file cannot be loaded, in words that follow its name; "" when it is whole."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return "is not there"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    try:
        return _look(descriptor)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    finally:
        os.close(descriptor)


def _look(descriptor: int) -> str:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return "is not a regular file"
    start = os.pread(descriptor, len(POINTER), 0)
    if start.startswith(POINTER):
        return "is a Git LFS pointer, not the weights: run `git lfs pull` in the model's folder"
    length = int.from_bytes(start[:8], "little")
    if status.st_size < 8 or (8 + length > status.st_size and length <= _LONGEST_HEADER):
        return f"is cut off: it ends inside its header, after {show_size(status.st_size)}"
    if length > _LONGEST_HEADER or start[8:9] != b"{":
        return "is not a safetensors file"
    have = status.st_size - 8 - length
    needed = _last_end(os.pread(descriptor, min(_TAIL, length), 8 + length - min(_TAIL, length)))
    if needed is None or needed < have:  # an unusual order: all of them have to be seen
        if length > _LONGEST_SEEN:
            return ""  # not known
        ends = _ENDS.findall(os.pread(descriptor, length, 8))
        needed = max(map(int, ends), default=0)
    if needed > have:
        whole = show_size(8 + length + needed)
        return f"is cut off: {show_size(status.st_size)} of {whole}"
    return ""


def _last_end(tail: bytes) -> int | None:
    ends = _ENDS.findall(tail)
    return int(ends[-1]) if ends else None
