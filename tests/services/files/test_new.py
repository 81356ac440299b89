"""A file that is written whole, where it may be."""

import os
import stat
from pathlib import Path
from threading import Thread

import pytest

from mixvllm.core.errors import MachineFault
from mixvllm.services.files.new import write_new


def test_a_file_is_written_once_and_over_another_only_by_force(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    write_new(path, "one", force=False)
    with pytest.raises(MachineFault, match="is there already"):
        write_new(path, "two", force=False)
    assert path.read_text() == "one"
    write_new(path, "two", force=True)
    assert path.read_text() == "two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link_and_a_draft_is_nobodys_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    link = tmp_path / "link"
    link.symlink_to("file")
    (tmp_path / f".link.{os.getpid()}").symlink_to("victim")
    write_new(link, "new", force=True)
    assert link.is_symlink()
    assert (tmp_path / "file").read_text() == "new"
    assert not (tmp_path / "victim").exists()


def test_a_pipe_or_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    told: list[str] = []
    reader = Thread(target=lambda: told.append(pipe.read_text()), daemon=True)
    reader.start()
    write_new(pipe, "text", force=True)
    reader.join(10)
    assert told == ["text"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    write_new(Path("/dev/null"), "text", force=True)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MachineFault, match="cannot be written: Is a directory"):
        write_new(tmp_path, "text", force=True)
