"""A file is replaced whole, keeps what it was apart from its text, or is not touched."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mixvllm.core.errors import MachineFault
from mixvllm.services.files.rewrite import rewrite

IS_ROOT = os.geteuid() == 0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"old\n")
    return path


def test_the_text_is_replaced_and_the_mode_stays(file: Path) -> None:
    file.chmod(0o640)
    inode = file.stat().st_ino
    rewrite(file, b"old\n", b"new\n")
    assert file.read_bytes() == b"new\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert file.stat().st_ino != inode  # by a rename: no reader sees a half
    assert [path.name for path in file.parent.iterdir()] == ["p.yaml"]


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "q.yaml"
    link.symlink_to("../p.yaml")
    rewrite(link, b"old\n", b"new\n")
    assert link.is_symlink()
    assert file.read_bytes() == b"new\n"


def test_a_file_that_changed_is_left_alone(file: Path) -> None:
    with pytest.raises(MachineFault, match="changed while it was being checked"):
        rewrite(file, b"something else\n", b"new\n")
    assert file.read_bytes() == b"old\n"
    assert [path.name for path in file.parent.iterdir()] == ["p.yaml"]


def test_attributes_stay(file: Path) -> None:
    try:
        os.setxattr(file, "user.note", b"kept")
    except OSError:
        pytest.skip("this file system has no attributes")
    rewrite(file, b"old\n", b"new\n")
    assert os.getxattr(file, "user.note") == b"kept"


@pytest.mark.skipif(not IS_ROOT, reason="only root gives files away")
def test_the_owner_stays(file: Path) -> None:
    os.chown(file, 12, 34)
    rewrite(file, b"old\n", b"new\n")
    assert (file.stat().st_uid, file.stat().st_gid) == (12, 34)


def as_nobody(path: Path) -> "subprocess.CompletedProcess[str]":
    """The same as another user; prints why it was refused."""
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from mixvllm.core.errors import MachineFault\n"
        "from mixvllm.services.files.rewrite import rewrite\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: rewrite(Path(sys.argv[1]), b'old\\n', b'new\\n')\n"
        "except MachineFault as fault: print(fault)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(not IS_ROOT, reason="only root can become somebody else")
@pytest.mark.parametrize(
    ("file_mode", "folder_mode", "why"),
    [
        (0o644, 0o777, "is read-only"),
        (0o666, 0o755, "cannot be written: Permission denied"),
        (0o666, 0o777, "belongs to somebody else"),
    ],
)
def test_what_cannot_be_replaced_as_it_was_is_refused(
    file_mode: int, folder_mode: int, why: str
) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder = Path(name)
        folder.chmod(folder_mode)
        file = folder / "p.yaml"
        file.write_bytes(b"old\n")
        file.chmod(file_mode)
        ran = as_nobody(file)
        assert why in ran.stdout, ran.stderr
        assert file.read_bytes() == b"old\n"
        assert [path.name for path in folder.iterdir()] == ["p.yaml"]


@pytest.mark.skipif(not IS_ROOT, reason="only root can become somebody else")
def test_a_folder_that_may_not_be_read_is_no_reason_to_say_that_nothing_was_changed() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "closed"
        folder.mkdir()
        Path(name).chmod(0o755)
        file = folder / "p.yaml"
        file.write_bytes(b"old\n")
        for path in (file, folder):
            os.chown(path, 65534, 65534)
        folder.chmod(0o300)
        assert as_nobody(file).stdout == ""
        assert file.read_bytes() == b"new\n"


def test_a_name_as_long_as_names_can_be(tmp_path: Path) -> None:
    file = tmp_path / ("p" * 250 + ".yaml")
    file.write_bytes(b"old\n")
    rewrite(file, b"old\n", b"new\n")
    assert file.read_bytes() == b"new\n"
