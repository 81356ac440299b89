"""Files that are read without trust."""

import os
from pathlib import Path

import pytest

from mixvllm.core.regular_file import Unreadable, read_beginning, read_regular


def test_a_regular_file_is_read_whole_or_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    assert read_regular(path, at_most=10) == b"0123456789"
    assert read_beginning(path, at_most=4) == b"0123"
    with pytest.raises(Unreadable, match="has 10 bytes, far more"):
        read_regular(path, at_most=9)


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null"), Path("/dev/zero")):
        with pytest.raises(Unreadable, match="is not a regular file"):
            read_beginning(path, at_most=1)
    with pytest.raises(Unreadable, match="is a folder"):
        read_beginning(tmp_path, at_most=1)
    with pytest.raises(FileNotFoundError):
        read_beginning(tmp_path / "none", at_most=1)
