"""Leases of cards: real files, real processes, and files of strangers."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mixvllm.services.lease import Lease, Leases, NoLease, Taken
from mixvllm.services.lessee import Lessee

ROOT = Path(__file__).parents[2]
CARD = "GPU-11111111-2222-3333-4444-555555555555"
OTHER = "GPU-66666666-7777-8888-9999-000000000000"
SINCE = datetime(2026, 11, 22, 12, 1, tzinfo=UTC)
ME = Lessee("llama-8b", os.getpid(), "anna", "/profiles/llama-8b.yaml", SINCE)
YOU = replace(ME, name="qwen-32b")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As /run/lock: every user may write there."""
    place = tmp_path / "lock"
    place.mkdir()
    place.chmod(0o1777)
    return place


@pytest.fixture
def leases(folder: Path) -> Leases:
    return Leases(folder)


def file_of(folder: Path, uuid: str = CARD) -> Path:
    return folder / f"mixvllm-{uuid}.lease"


def close(held: list[Lease]) -> None:
    for lease in held:
        lease.close()


def test_a_card_is_given_once(leases: Leases) -> None:
    held = leases.take([CARD], ME)
    with pytest.raises(Taken) as refused:
        leases.take([OTHER, CARD], ME)
    assert (refused.value.uuid, refused.value.lessee) == (CARD, ME)
    assert leases.holders() == {CARD: ME}  # OTHER was given back
    close(held)
    assert leases.holders() == {}
    close(leases.take([CARD], ME))


def test_who_has_it_in_words() -> None:
    assert str(ME) == f"llama-8b (pid {os.getpid()} of anna, since 2026-11-22 12:01)"
    assert str(Lessee()) == "another `mixvllm serve`"
    mine = Lessee.of_this_process("a", Path("a.yaml"), SINCE)
    assert (mine.pid, mine.profile, mine.user != "") == (
        os.getpid(), str(Path("a.yaml").absolute()), True
    )  # fmt: skip


def test_other_users_can_take_it_after_us(leases: Leases, folder: Path) -> None:
    before = os.umask(0o077)
    try:
        close(leases.take([CARD], ME))
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
    assert file_of(folder).stat().st_mode & 0o777 == 0o666


def test_those_who_share_do_so_with_each_other_only(leases: Leases) -> None:
    first = leases.take([CARD], ME, shared=True)
    second = leases.take([CARD], ME, shared=True)
    with pytest.raises(Taken):
        leases.take([CARD], ME)
    assert (leases.holders(shared=True), list(leases.holders())) == ({}, [CARD])
    close([*first, *second])
    alone = leases.take([CARD], ME)
    with pytest.raises(Taken):
        leases.take([CARD], ME, shared=True)
    assert list(leases.holders(shared=True)) == [CARD]
    close(alone)


def test_those_who_share_start_one_after_the_other(leases: Leases) -> None:
    (first,) = leases.take([CARD], ME, shared=True)
    (second,) = leases.take([CARD], ME, shared=True)
    assert first.begin(ME)
    assert not second.begin(YOU)
    assert second.starter() == ME
    first.begun()
    assert second.begin(YOU)
    assert leases.holders() == {CARD: YOU}
    second.close()  # and gives the start up with the card
    assert first.begin(ME)
    close([first])


NOBODY = 65534
HOLD = """
import os, sys
from pathlib import Path
from datetime import datetime, timezone
from mixvllm.services.lease import Leases, Taken
from mixvllm.services.lessee import Lessee
if os.environ["HOLD_AS"]:
    os.setgroups([])
    os.setuid(int(os.environ["HOLD_AS"]))
lessee = Lessee.of_this_process("other", Path("other.yaml"), datetime.now(timezone.utc))
try:
    held = Leases(Path(sys.argv[1])).take(sys.argv[2:], lessee)
except Taken:
    print("taken", flush=True)
    sys.exit()
print(os.getpid(), flush=True)
input()
"""


def holding(folder: Path, *uuids: str, user: int | None = None) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), *uuids],
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOLD_AS": "" if user is None else str(user)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_holder_that_is_killed_holds_nothing(leases: Leases, folder: Path) -> None:
    holder = holding(folder, CARD)
    assert first_line(holder) == str(holder.pid)
    with pytest.raises(Taken) as refused:
        leases.take([CARD], ME)
    assert (refused.value.lessee.name, refused.value.lessee.pid) == ("other", holder.pid)
    holder.kill()
    holder.communicate(timeout=20)
    assert leases.holders() == {}
    close(leases.take([CARD], ME))


def test_who_has_the_descriptor_has_the_lease(leases: Leases) -> None:
    """As a keeper does, whose supervisor is killed."""
    (lease,) = leases.take([CARD], ME)
    assert not os.get_inheritable(lease.fd)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[lease.fd]) as keeper:
        lease.close()
        assert leases.holders() == {CARD: ME}
        assert keeper.stdin is not None
        keeper.stdin.close()
        keeper.wait(20)
    assert leases.holders() == {}


def test_a_child_does_not_keep_it(leases: Leases) -> None:
    (lease,) = leases.take([CARD], ME)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False) as child:
        lease.close()
        assert leases.holders() == {}
        assert child.stdin is not None
        child.stdin.close()


def test_of_many_that_want_it_one_gets_it(folder: Path) -> None:
    many = [holding(folder, CARD, OTHER) for _ in range(8)]
    told = [first_line(process) for process in many]
    assert [word for word in told if word != "taken"] == [
        str(process.pid) for process, word in zip(many, told, strict=True) if word != "taken"
    ]
    assert told.count("taken") == 7
    for process in many:
        process.communicate("\n", timeout=20)


# files of strangers


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A file that nobody may write to by way of us."""
    path = tmp_path / "precious"
    path.write_text("precious")
    yield path
    assert path.read_text() == "precious"


def put(what: str, path: Path, victim: Path) -> None:
    match what:
        case "a link":
            path.symlink_to(victim)
        case "a link to nowhere":
            path.symlink_to(victim.with_name("nowhere"))
        case "a hard link":
            path.hardlink_to(victim)
        case "a folder":
            path.mkdir()
        case "a pipe":
            os.mkfifo(path)


STRANGE = ("a link", "a link to nowhere", "a hard link", "a folder", "a pipe")


@pytest.mark.parametrize("what", STRANGE)
def test_nothing_but_a_plain_file_is_opened(
    leases: Leases, folder: Path, victim: Path, what: str
) -> None:
    put(what, file_of(folder), victim)
    with pytest.raises(NoLease, match=r"lease file .*\.lease is no plain file") as refused:
        leases.take([CARD], ME)
    assert refused.value.uuid == CARD
    assert leases.holders() == {}
    assert not victim.with_name("nowhere").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open every file")
def test_a_file_that_is_closed_to_us(leases: Leases, folder: Path) -> None:
    file_of(folder).touch(mode=0)
    with pytest.raises(NoLease, match="is closed to this user"):
        leases.take([CARD], ME)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that other users can reach: pytest's own are closed to them."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o1777)
        yield Path(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user as well")
def test_users_take_turns(open_folder: Path) -> None:
    """The kernel has rules of its own for files of others in such folders (proc_sys_fs(5))."""
    other = holding(open_folder, CARD, user=NOBODY)
    assert first_line(other) == str(other.pid)
    assert file_of(open_folder).stat().st_uid == NOBODY
    leases = Leases(open_folder)
    assert leases.holders()[CARD].pid == other.pid
    with pytest.raises(Taken):
        leases.take([CARD], ME)
    other.communicate("\n", timeout=20)
    close(leases.take([CARD], ME))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"[" * 4000,
        b"1" * 5000,
        b'{"pid": 1}',
        b'{"pid": "1", "since": "2026-11-22T12:01:00+00:00", "name": "", "user": ""}',
        b'{"pid": 1, "since": "2026-11-22", "name": "a", "user": "b", "profile": ""}',
        b'{"pid": 1, "since": 5, "name": "a", "user": "b", "profile": ""}',
    ],
)
def test_what_a_file_says_may_be_anything(leases: Leases, folder: Path, content: bytes) -> None:
    (lease,) = leases.take([CARD], ME)
    file_of(folder).write_bytes(content)
    assert leases.holders() == {CARD: Lessee()}
    lease.close()
    close(leases.take([CARD], ME))
    assert json.loads(file_of(folder).read_bytes())["name"] == "llama-8b"


def test_what_a_file_says_cannot_steer_a_terminal(leases: Leases, folder: Path) -> None:
    (lease,) = leases.take([CARD], ME)
    told = json.loads(file_of(folder).read_bytes()) | {"name": "a\x1b[2J\n" + "b" * 999}
    file_of(folder).write_text(json.dumps(told))
    name = leases.holders()[CARD].name
    assert (name[:6], len(name)) == ("a?[2J?", 200)
    lease.close()


def test_a_file_that_is_taken_away_is_made_again(leases: Leases, folder: Path) -> None:
    close(leases.take([CARD], ME))
    file_of(folder).unlink()
    close(leases.take([CARD], ME))
    assert file_of(folder).exists()


@pytest.mark.parametrize("uuid", ["", "../../etc/passwd", "GPU-1/2", "GPU-\n", "GPU 1"])
def test_no_name_leads_out_of_the_folder(leases: Leases, uuid: str) -> None:
    with pytest.raises(NoLease):
        leases.take([uuid], ME)


def test_a_machine_without_such_a_folder(tmp_path: Path) -> None:
    nowhere = Leases(None)
    assert nowhere.take([CARD], ME) == []
    assert nowhere.holders() == {}
    assert Leases(tmp_path / "gone").holders() == {}
    with pytest.raises(NoLease, match="cannot be used"):
        Leases(tmp_path / "gone").take([CARD], ME)


def test_a_folder_of_a_read_only_disk_is_passed_by() -> None:
    """As in a container whose root is read-only."""
    first = Leases.of_this_machine().folder
    ask = "from mixvllm.services.lease import Leases; print(Leases.of_this_machine().folder)"
    mount = 'mount -t tmpfs -o ro,mode=1777 none "$0" && exec "$@"'
    ended = subprocess.run(
        [
            *("unshare", "--map-root-user", "--mount", "sh", "-c", mount),
            *(str(first), sys.executable, "-c", ask),
        ],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if "unshare" in ended.stderr or "mount:" in ended.stderr:
        pytest.skip("this machine lets nobody mount")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() not in (str(first), "None")


def test_all_users_look_into_the_same_folder() -> None:
    folder = Leases.of_this_machine().folder
    assert folder is not None
    assert folder.stat().st_mode & 0o1777 == 0o1777
