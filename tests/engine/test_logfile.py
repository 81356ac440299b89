"""A log file: rotation, troubles, and what others do to it."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from mixvllm.engine.logfile import LogFile
from tests.engine.plays import HOME


def files(folder: Path) -> list[Path]:
    """The oldest first: vllm.log.2, vllm.log.1, vllm.log."""
    return sorted(folder.iterdir(), key=lambda path: -int(path.name[9:] or 0))


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=40), max_size=16),
    max_bytes=st.integers(10, 60),
)
def test_rotated_files_hold_every_byte_in_order_and_none_is_too_large(
    pieces: list[bytes], max_bytes: int
) -> None:
    with TemporaryDirectory() as name:
        file = LogFile(f"{name}/vllm.log", max_bytes=max_bytes, keep=80)
        for number, piece in enumerate(pieces):
            file.write(piece, float(number))
        file.close()
        found = [path.read_bytes() for path in files(Path(name))]
    assert b"".join(found) == b"".join(pieces)
    assert all(len(content) <= max_bytes for content in found)
    assert file.trouble is None


@given(lengths=st.lists(st.integers(0, 19), max_size=30), together=st.integers(1, 30))
def test_lines_that_fit_are_not_torn_when_they_come_whole(
    lengths: list[int], together: int
) -> None:
    lines = [b"x" * length + b"\n" for length in lengths]
    with TemporaryDirectory() as name:
        file = LogFile(f"{name}/vllm.log", max_bytes=20, keep=40)
        for at in range(0, len(lines), together):
            file.write(b"".join(lines[at : at + together]), float(at))
        file.close()
        found = [path.read_bytes() for path in files(Path(name))]
    assert b"".join(found) == b"".join(lines)
    assert all(content.endswith(b"\n") for content in found)


def test_older_files_are_kept_and_the_oldest_goes(tmp_path: Path) -> None:
    file = LogFile(str(tmp_path / "vllm.log"), max_bytes=4, keep=2)
    for number in range(6):
        file.write(b"%d..\n" % number, 0.0)
    file.close()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "vllm.log": b"5..\n",
        "vllm.log.1": b"4..\n",
        "vllm.log.2": b"3..\n",
    }


def test_nothing_older_may_be_kept(tmp_path: Path) -> None:
    file = LogFile(str(tmp_path / "vllm.log"), max_bytes=4, keep=0)
    for number in range(3):
        file.write(b"%d..\n" % number, 0.0)
    file.close()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"2..\n"]


def test_a_later_run_appends_and_counts_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "vllm.log").write_bytes(b"old\n")
    file = LogFile(str(tmp_path / "vllm.log"), max_bytes=8, keep=1)
    file.write(b"new\n", 0.0)
    assert (tmp_path / "vllm.log").read_bytes() == b"old\nnew\n"
    file.write(b"now\n", 0.0)
    file.close()
    assert (tmp_path / "vllm.log.1").read_bytes() == b"old\nnew\n"


def test_without_a_limit_it_never_rotates(tmp_path: Path) -> None:
    file = LogFile(str(tmp_path / "vllm.log"), max_bytes=0, keep=3)
    for _ in range(100):
        file.write(b"x" * 100, 0.0)
    file.close()
    assert [path.stat().st_size for path in tmp_path.iterdir()] == [10_000]


def test_folders_are_made_and_others_may_not_read(tmp_path: Path) -> None:
    log = tmp_path / "a/b/vllm.log"
    file = LogFile(str(log), max_bytes=0, keep=0)
    file.write(b"x", 0.0)
    file.close()
    assert log.stat().st_mode & 0o007 == 0


def test_a_full_disk_is_counted_and_tried_again_after_a_second(tmp_path: Path) -> None:
    log = tmp_path / "vllm.log"
    log.symlink_to("/dev/full")
    file = LogFile(str(log), max_bytes=100, keep=1)
    file.write(b"12345\n", 10.0)
    assert (file.trouble, file.lost) == (errno.ENOSPC, 6)
    log.unlink()
    file.write(b"1234\n", 10.9)
    assert (file.trouble, file.lost) == (errno.ENOSPC, 11)
    file.write(b"well\n", 11.0)
    assert (file.trouble, file.lost) == (None, 0)
    file.close()
    assert log.read_text() == (
        "[mixvllm: 11 bytes are missing here: no space left on device]\nwell\n"
    )


def test_a_trouble_that_lasts_is_counted_on(tmp_path: Path) -> None:
    log = tmp_path / "vllm.log"
    log.symlink_to("/dev/full")
    file = LogFile(str(log), max_bytes=0, keep=1)
    for second in range(5):
        file.write(b"12345\n", 10.0 + second)
    assert (file.trouble, file.lost) == (errno.ENOSPC, 30)


def test_a_folder_in_its_place_is_a_trouble_like_any_other(tmp_path: Path) -> None:
    log = tmp_path / "vllm.log"
    log.mkdir()
    file = LogFile(str(log), max_bytes=0, keep=1)
    file.write(b"12345\n", 10.0)
    assert (file.trouble, file.lost) == (errno.EISDIR, 6)


def test_what_fits_on_the_disk_is_written_and_the_rest_is_counted(tmp_path: Path) -> None:
    """A limit on file sizes (RLIMIT_FSIZE): the first write is cut short, the next refused."""
    script = f"""
import resource, sys
sys.path.insert(0, {HOME!r})
from mixvllm.engine.logfile import LogFile
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 1000))
file = LogFile(sys.argv[1], max_bytes=0, keep=0)
file.write(b"in a line " * 15, 10.0)
print(file.trouble, file.lost)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
file.write(b"well\\n", 12.0)
print(file.trouble, file.lost)
"""
    log = tmp_path / "vllm.log"
    ran = subprocess.run(
        [sys.executable, "-c", script, str(log)], capture_output=True, text=True, check=True
    )
    assert ran.stdout == f"{errno.EFBIG} 50\nNone 0\n"
    assert log.read_text() == (
        "in a line " * 10 + "\n[mixvllm: 50 bytes are missing here: file too large]\nwell\n"
    )


def test_where_rotation_fails_the_file_grows_and_nothing_is_lost(tmp_path: Path) -> None:
    log = tmp_path / "vllm.log"
    blocker = tmp_path / "vllm.log.1"
    blocker.mkdir()
    file = LogFile(str(log), max_bytes=8, keep=1)
    for number in range(3):
        file.write(b"%d..\n" % number, 0.0)
    assert (file.trouble, file.lost) == (errno.EISDIR, 0)
    assert log.read_bytes() == b"0..\n1..\n2..\n"
    blocker.rmdir()
    file.write(b"3..\n", 0.0)  # tried again when another 8 bytes are written, not each time
    assert file.trouble == errno.EISDIR
    file.write(b"4..\n", 0.0)
    assert file.trouble is None
    file.close()
    assert blocker.read_bytes() == b"0..\n1..\n2..\n3..\n"
    assert log.read_bytes() == b"4..\n"


def test_a_file_that_was_moved_away_is_left_to_who_moved_it(tmp_path: Path) -> None:
    log = tmp_path / "vllm.log"
    file = LogFile(str(log), max_bytes=0, keep=1)
    file.write(b"before\n", 10.0)
    log.rename(tmp_path / "away")
    file.write(b"after\n", 11.0)
    file.close()
    assert (tmp_path / "away").read_bytes() == b"before\n"
    assert log.read_bytes() == b"after\n"


def test_a_file_that_was_emptied_has_room_again(tmp_path: Path) -> None:
    log = tmp_path / "vllm.log"
    file = LogFile(str(log), max_bytes=10, keep=1)
    file.write(b"12345678\n", 10.0)
    os.truncate(log, 0)
    file.write(b"abcdefgh\n", 11.0)
    file.close()
    assert [path.name for path in tmp_path.iterdir()] == ["vllm.log"]
    assert log.read_bytes() == b"abcdefgh\n"


def test_a_fifo_is_written_and_not_rotated(tmp_path: Path) -> None:
    log = tmp_path / "vllm.log"
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    file = LogFile(str(log), max_bytes=4, keep=1)
    file.write(b"0..\n1..\n2..\n", 0.0)
    file.close()
    assert os.read(reader, 100) == b"0..\n1..\n2..\n"
    os.close(reader)
    assert [path.name for path in tmp_path.iterdir()] == ["vllm.log"]
