"""What may stand where a profile should: the command ends, soon, small, and says why."""

import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.running import mixvllm

SECONDS = 4.0  # of processor time; a second on a free machine, and tests share theirs
MEGABYTES = 150
# Forks itself before it starts the command: the peak of a forked process counts its parent's.
_MEASURED = """
import os, sys
child = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-m", "mixvllm", *sys.argv[1:]])
_, status, used = os.wait4(child, 0)
print(used.ru_utime + used.ru_stime, used.ru_maxrss // 1000, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@dataclass(frozen=True)
class Ran:
    """A run with what it cost."""

    code: int
    told: str
    seconds: float
    megabytes: int


def measured(*words: str | Path) -> Ran:
    ran = subprocess.run(
        [sys.executable, "-c", _MEASURED, *words],
        capture_output=True, text=True, errors="replace", timeout=60, check=False,
    )  # fmt: skip
    *told, cost = ran.stderr.splitlines()
    seconds, megabytes = cost.split()
    return Ran(ran.returncode, "\n".join(told) + ran.stdout, float(seconds), int(megabytes))


def judge(path: Path, code: int, words: str) -> None:
    ran = measured("validate", path)
    assert (ran.code, words in ran.told, "Traceback" in ran.told) == (code, True, False), ran
    assert ran.seconds < SECONDS
    assert ran.megabytes < MEGABYTES


def test_a_folder(tmp_path: Path) -> None:
    judge(tmp_path, 3, "is a folder, not a profile")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    judge(tmp_path / "pipe", 3, "is not a regular file")


def test_a_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        judge(tmp_path / "s", 3, "is not a regular file")


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero", "/dev/full", "/dev/random"])
def test_a_device(device: str) -> None:
    judge(Path(device), 3, "is not a regular file")


def test_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    judge(tmp_path / "a", 3, "cannot be read")


def test_a_link_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("nothing")
    judge(tmp_path / "a", 3, "there is no file")


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    judge(tmp_path / ("a" * 5000), 3, "cannot be read")


def test_a_file_of_the_kernel() -> None:
    judge(Path("/proc/self/status"), 1, "[MX")  # says that it has no bytes, and has some


def test_fifty_megabytes(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_bytes(b"x: " + b"y" * 50_000_000)
    judge(tmp_path / "large.yaml", 1, "MX028")


def test_ten_gigabytes_of_nothing(tmp_path: Path) -> None:
    with (tmp_path / "holes.yaml").open("wb") as file:
        file.truncate(10 * 2**30)
    judge(tmp_path / "holes.yaml", 1, "MX028")


def test_a_name_with_a_line_end(tmp_path: Path) -> None:
    path = tmp_path / "a\nb\x1b[31m.yaml"
    path.write_text("modle: m\n")
    judge(path, 1, "MX100")
    assert "\x1b[31m" not in measured("validate", path).told


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff\xfe.yaml")
    path.write_text("modle: m\n")
    judge(path, 1, "MX100")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become someone else")
def test_an_unreadable_file_for_one_who_is_not_root(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("model: m\n")
    program = """
import os, sys
from pathlib import Path
from mixvllm.core.errors import MachineFault
from mixvllm.settings.profile_file import read_bytes
os.chdir(sys.argv[1])  # the folders above are root's alone
os.chmod("p.yaml", 0)
os.setuid(65534)
try:
    read_bytes(Path("p.yaml"))
except MachineFault as fault:
    print(fault, fault.exit_code)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "p.yaml cannot be read: Permission denied 3\n"


@pytest.fixture
def restless(tmp_path: Path) -> Iterator[Path]:
    """A profile that is another one, a folder, or gone, from one moment to the next."""
    path, over = tmp_path / "restless.yaml", threading.Event()

    def stir() -> None:
        i = 0
        while not over.is_set():
            i += 1
            other = tmp_path / f"{i}.yaml"
            other.write_text("model: m\n" if i % 2 else "modle: m\n" * 3)
            other.replace(path)
            if i % 5 == 0:
                path.unlink()

    thread = threading.Thread(target=stir)
    thread.start()
    yield path
    over.set()
    thread.join()


def test_a_file_that_changes_and_vanishes_meanwhile(restless: Path) -> None:
    for _ in range(5):
        ran = mixvllm("validate", restless)
        assert ran.returncode in (0, 1, 3)
        assert "Traceback" not in ran.stderr


def test_an_address_space_of_a_gigabyte_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("model: m\nx-a: " + "[" * 200_000)
    ran = subprocess.run(
        [sys.executable, "-m", "mixvllm", "validate", str(path)],
        capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30)),
    )  # fmt: skip
    assert ran.returncode == 1
