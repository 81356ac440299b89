"""A keeper with real families: what it reports, and that nobody is left, whoever dies."""

import contextlib
import errno
import hashlib
import os
import signal
import time
from pathlib import Path

import pytest

from mixvllm.engine import family, wire
from mixvllm.engine.messages import (
    Dropped,
    Exited,
    Gone,
    LogTrouble,
    Message,
    Output,
    SpawnFailed,
    Started,
)
from tests.engine.plays import SCATTERED_COUNT, Line, eventually, program, scattered, spec, wearers


def sweep(line: Line, grace: float) -> None:
    line.channel.send(wire.SWEEP + str(grace).encode())


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# the ordinary life


def test_a_program_is_told_from_its_start_to_its_end(tmp_path: Path) -> None:
    with Line(spec(tmp_path, "sh", "-c", "echo one; echo two >&2; exit 3")) as line:
        heard = list(line.rest())
    assert isinstance(heard[0], Started)
    assert line.log == b"one\ntwo\n"
    match heard[-2:]:
        case [Exited(3, cpu), Gone(0, ())]:
            assert cpu is not None
            assert 0 <= cpu < 5
        case other:
            pytest.fail(f"ended with {other}")
    assert (tmp_path / "vllm.log").read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGHUP])
def test_a_signal_is_a_negative_status(tmp_path: Path, number: signal.Signals) -> None:
    with Line(spec(tmp_path, *program(f"os.kill(os.getpid(), {int(number)})"))) as line:
        assert line.until(Exited).status == -number
        assert line.end() == Gone(0, ())


def test_its_last_words_come_before_its_end(tmp_path: Path) -> None:
    text = "os.write(1, b'x' * 300_000); os.write(2, b'the cause'); os._exit(1)"
    with Line(spec(tmp_path, *program(text))) as line:
        assert line.until(Exited).status == 1
        assert len(line.log) == 300_009
        assert line.log.endswith(b"the cause")


def test_it_gets_its_own_session_its_environment_and_nothing_of_ours(tmp_path: Path) -> None:
    text = """
fds = "/proc/self/fd"
say(os.getsid(0) == os.getpid(), sorted(os.listdir(fds)), os.readlink(fds + "/0"))
say(os.getcwd(), dict(os.environb))
"""
    leak = os.open(os.devnull, os.O_RDONLY)
    env = {"A": "1", "B": "\udcff", "LC_ALL": "C.UTF-8"}
    with Line(spec(tmp_path, *program(text), env=env), extra_fds=(leak,)) as line:
        line.end()
    os.close(leak)
    assert line.log.decode().splitlines() == [
        "True ['0', '1', '2', '3'] /dev/null",  # 3 is the folder that it reads
        f"{tmp_path} {{b'A': b'1', b'B': b'\\xff', b'LC_ALL': b'C.UTF-8'}}",
    ]


def test_signals_that_nohup_ignores_are_not_ignored_in_the_engine(tmp_path: Path) -> None:
    """Both the ignored ones and the blocked ones would be inherited by an exec."""
    ours = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1}
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ours}
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    try:
        line = Line(spec(tmp_path, "grep", "-E", "^Sig(Ign|Blk|Pnd):", "/proc/self/status"))
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR2})
        for number, handler in before.items():
            signal.signal(number, handler)
    with line:
        assert line.until(Exited).status == 0
    assert [int(row.split()[1], 16) for row in line.log.splitlines()] == [0, 0, 0]


def test_a_large_environment_arrives(tmp_path: Path) -> None:
    env = {f"V{number}": "x" * 100_000 for number in range(5)}
    with Line(
        spec(tmp_path, *program("say(sum(len(os.environ[f'V{n}']) for n in range(5)))"), env=env)
    ) as line:
        line.end()
    assert line.log == b"500000\n"


def test_a_signal_goes_to_the_first_process_only(tmp_path: Path) -> None:
    text = """
signal.signal(signal.SIGHUP, lambda *_: say("root hup"))
child(lambda: signal.signal(signal.SIGHUP, lambda *_: say("child hup")))
wait()
"""
    with Line(spec(tmp_path, *program(text))) as line:
        line.until_up(1)
        line.channel.send(wire.SIGNAL + b"%d" % signal.SIGHUP)
        line.until_log(b"root hup")
        sweep(line, 0.3)
        line.end()
    assert b"child hup" not in line.log


# the end of a family


@pytest.mark.parametrize("deaf", [False, True], ids=["polite", "deaf"])
def test_when_the_first_process_is_killed_all_others_go(tmp_path: Path, *, deaf: bool) -> None:
    """Over sessions and double forks: what holds the GPU when vLLM's API server is killed."""
    with Line(spec(tmp_path, *program(scattered(deaf=deaf)))) as line:
        pids = line.until_up(SCATTERED_COUNT)
        assert {process.member.pid for process in wearers(line.member)} == pids
        os.kill(line.root, signal.SIGKILL)
        assert line.until(Exited).status == -signal.SIGKILL
        assert line.end() == Gone(len(pids) - 1 if deaf else 0, ())
        line.everybody_gone()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_an_exit_nobody_asked_for_ends_the_family_too(tmp_path: Path) -> None:
    """vLLM exits 0 when its EngineCore was killed (0.32.0)."""
    text = (
        "child(polite); child(deaf, session=True); sys.stdin.read(); time.sleep(0.2); os._exit(0)"
    )
    with Line(spec(tmp_path, *program(text))) as line:
        assert line.until(Exited).status == 0
        assert line.end().left == ()
        line.everybody_gone()


def test_a_sweep_asks_first_and_kills_after_its_grace(tmp_path: Path) -> None:
    text = """
child(deaf)
signal.signal(signal.SIGTERM, lambda *_: (say("asked"), os._exit(4)))
say("up 1")
wait()
"""
    with Line(spec(tmp_path, *program(text), grace_seconds=30.0)) as line:
        line.until_up(2)
        began = time.monotonic()
        sweep(line, 0.3)
        assert line.until(Exited).status == 4
        assert line.end() == Gone(1, ())
        assert time.monotonic() - began >= 0.3
    assert b"asked" in line.log


def test_a_second_sweep_can_only_shorten_the_grace(tmp_path: Path) -> None:
    with Line(spec(tmp_path, *program("deaf(); say('up 1'); wait()"))) as line:
        line.until_up(1)
        sweep(line, 60.0)
        sweep(line, 0.0)
        sweep(line, 60.0)
        assert line.until(Exited).status == -signal.SIGKILL
        assert line.end() == Gone(1, ())


def test_stopped_processes_are_woken_so_that_they_can_end(tmp_path: Path) -> None:
    text = "child(lambda: os.kill(os.getpid(), signal.SIGSTOP)); say('root'); wait()"
    with Line(spec(tmp_path, *program(text))) as line:
        line.until_log(b"root")
        eventually(
            lambda: [one for one in family.descendants(line.keeper.pid) if one.state == "T"],
            "a stopped child",
        )
        sweep(line, 10.0)
        assert line.end() == Gone(0, ())


def test_children_that_are_born_while_the_family_ends_are_found(tmp_path: Path) -> None:
    """Each answers SIGTERM with a successor in a session of its own, six times."""
    text = """
def heir(depth):
    def leave(*_):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        if depth and os.fork() == 0:
            os.setsid()
            heir(depth - 1)
        os._exit(0)
    signal.signal(signal.SIGTERM, leave)
    say("up", os.getpid())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    wait()
heir(6)
"""
    with Line(spec(tmp_path, *program(text), grace_seconds=10.0)) as line:
        line.until_up(1)
        sweep(line, 10.0)
        assert line.end() == Gone(0, ())
        line.everybody_gone()
    assert line.log.count(b"up") == 7


def test_orphans_that_end_while_the_engine_runs_leave_no_zombie(tmp_path: Path) -> None:
    text = "child(lambda: os._exit(0), session=True, orphan=True); say('up 1'); wait()"
    with Line(spec(tmp_path, *program(text))) as line:
        line.until_up(1)
        eventually(lambda: len(family.descendants(line.keeper.pid)) == 1, "the orphan's burial")


# who else may die


@pytest.mark.parametrize("deaf", [False, True], ids=["polite", "deaf"])
def test_when_the_supervisor_is_gone_so_is_the_family(tmp_path: Path, *, deaf: bool) -> None:
    with Line(spec(tmp_path, *program(scattered(deaf=deaf)))) as line:
        line.until_up(SCATTERED_COUNT)
        line.hang_up()
        line.everybody_gone()
    assert b"the supervisor is gone" in (tmp_path / "vllm.log").read_bytes()


def test_when_the_supervisor_goes_at_once_nothing_stays(tmp_path: Path) -> None:
    """The keeper then reads the spec and the end of the channel in one go."""
    with Line(spec(tmp_path, *program("deaf(); wait()"))) as line:
        line.hang_up()
        line.everybody_gone()


def test_half_a_spec_starts_nothing(tmp_path: Path) -> None:
    with Line(None) as line:
        line.channel.send(wire.SPEC_PART + spec(tmp_path, "touch", "started").encode())
        line.hang_up()
        assert line.keeper.wait(20) == 0
    assert not (tmp_path / "started").exists()


def test_when_the_supervisor_goes_during_a_sweep_its_grace_ends_soon(tmp_path: Path) -> None:
    with Line(spec(tmp_path, *program("deaf(); say('up 1'); wait()"))) as line:
        line.until_up(1)
        sweep(line, 3600.0)
        line.hang_up()
        line.everybody_gone()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_keeper_that_is_asked_to_stop_ends_the_family(
    tmp_path: Path, number: signal.Signals
) -> None:
    with Line(spec(tmp_path, *program(scattered(deaf=False)))) as line:
        line.until_up(SCATTERED_COUNT)
        line.keeper.send_signal(number)
        assert line.end() == Gone(0, ())
        line.everybody_gone()


def test_signals_without_meaning_do_not_hurt_a_keeper(tmp_path: Path) -> None:
    with Line(spec(tmp_path, *program("say('up 1'); wait()"))) as line:
        line.until_up(1)
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGPIPE):
            line.keeper.send_signal(number)
        sweep(line, 1.0)
        assert line.end() == Gone(0, ())


def test_when_the_keeper_is_killed_the_engine_is_asked_to_stop(tmp_path: Path) -> None:
    with Line(spec(tmp_path, *program("say('up 1'); wait()"))) as line:
        line.until_up(1)
        line.keeper.kill()
        eventually(lambda: not wearers(line.member), "the engine's end")


def test_a_fault_of_the_keeper_ends_the_family_and_is_told(tmp_path: Path) -> None:
    with Line(spec(tmp_path, *program(scattered(deaf=True)))) as line:
        line.until_up(SCATTERED_COUNT)
        line.channel.send(wire.SWEEP + b"soon")
        line.everybody_gone()
        assert line.keeper.returncode == 70
        assert line.keeper.stderr is not None
        assert b"could not convert string to float" in line.keeper.stderr.read()


# starts that fail


def failed(folder: Path, *argv: str, **changes: object) -> SpawnFailed:
    with Line(spec(folder, *argv, **{"grace_seconds": 10.0, **changes})) as line:
        heard: list[Message] = list(line.rest())
    match heard:
        case [SpawnFailed() as failure, Gone(0, ())]:
            return failure
        case other:
            pytest.fail(f"heard {other}")


def script(path: Path, text: str, mode: int) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    missing = str(tmp_path / "vllm")
    assert failed(tmp_path, missing) == SpawnFailed(errno.ENOENT, f"{missing} was not found")
    assert failed(tmp_path, "no-vllm").message == "no-vllm was not found on PATH"


def test_a_program_that_may_not_run(tmp_path: Path) -> None:
    plain = script(tmp_path / "plain", "echo", 0o644)
    assert failed(tmp_path, plain) == SpawnFailed(errno.EACCES, f"{plain} is not executable")
    assert failed(tmp_path, str(tmp_path)).errno == errno.EACCES


def test_a_program_that_is_none(tmp_path: Path) -> None:
    text = script(tmp_path / "text", "no first line", 0o755)
    assert failed(tmp_path, text).errno == errno.ENOEXEC
    moved = script(tmp_path / "moved", "#!/no/venv/bin/python\n", 0o755)
    assert failed(tmp_path, moved).message == (
        f"{moved} cannot start: the interpreter that its first line names is missing"
    )


def test_a_command_that_is_too_large_or_impossible(tmp_path: Path) -> None:
    large = failed(tmp_path, "true", env={"PATH": os.environ["PATH"], "LARGE": "x" * 200_000})
    assert large.errno == errno.E2BIG
    assert "bytes of arguments and environment are too many" in large.message
    assert failed(tmp_path, "true", "a\0b").errno == errno.EINVAL
    assert failed(tmp_path).errno == errno.EINVAL


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert failed(tmp_path, "true", cwd=f"{tmp_path}/none") == SpawnFailed(
        errno.ENOENT, f"cannot enter {tmp_path}/none: no such file or directory"
    )


# the log


def test_a_supervisor_that_does_not_listen_stops_nobody(tmp_path: Path) -> None:
    """200 MB: the engine finishes, the file has all of it, the keeper stays small."""
    size, piece = 200_000_000, 50_000
    text = f"""
import hashlib
digest = hashlib.sha256()
for number in range({size // piece}):
    data = (b"%9d " % number * {piece // 10})[:-1] + b"\\n"
    digest.update(data)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(1, rest):]
open("digest", "w").write(digest.hexdigest())
"""
    with Line(spec(tmp_path, *program(text), max_bytes=0)) as line:
        eventually((tmp_path / "digest").exists, "the engine's last byte")
        log = tmp_path / "vllm.log"
        eventually(lambda: log.stat().st_size >= size, "the file's last byte")
        status = Path(f"/proc/{line.keeper.pid}/status").read_text()
        peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
        heard = list(line.rest())
    assert peak < 40, f"the keeper used {peak:.0f} MiB"
    with log.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    assert digest == (tmp_path / "digest").read_text()
    dropped = [message for message in heard if isinstance(message, Dropped)]
    shown = sum(len(message.data) for message in heard if isinstance(message, Output))
    assert dropped
    assert shown + sum(message.bytes for message in dropped) == size
    assert 0 < sum(message.lines for message in dropped) <= size // piece
    assert line.log.endswith(b"%9d\n" % (size // piece - 1))  # the newest is what was kept
    assert isinstance(heard[-1], Gone)


def test_ten_thousand_lines_a_second_cost_little(tmp_path: Path) -> None:
    """Line by line, as a logger writes; 100 bytes each, for a second."""
    text = """
line = b"x" * 99 + b"\\n"
began = time.monotonic()
for number in range(10_000):
    os.write(1, line)
    while time.monotonic() < began + number / 10_000:
        pass
say("done")
wait()
"""
    with Line(spec(tmp_path, *program(text))) as line:
        line.until(Started)
        before, began = cpu_seconds(line.keeper.pid), time.monotonic()
        line.until_log(b"done\n")
        share = (cpu_seconds(line.keeper.pid) - before) / (time.monotonic() - began)
    assert share < 0.1, f"{100 * share:.1f} % of a core"


def test_an_engine_that_closes_its_output_is_left_in_peace(tmp_path: Path) -> None:
    text = "say('up 1'); os.close(1); os.close(2); wait()"
    with Line(spec(tmp_path, *program(text))) as line:
        line.until_up(1)
        before = cpu_seconds(line.keeper.pid)
        root = family.look(line.root)
        assert root is not None
        time.sleep(0.5)  # the time over which we look for a loop that spins
        assert cpu_seconds(line.keeper.pid) - before < 0.1
        assert family.look(line.root) is not None
        sweep(line, 1.0)
        assert line.end() == Gone(0, ())


def test_a_full_disk_is_told_once_and_so_is_its_end(tmp_path: Path) -> None:
    log = tmp_path / "vllm.log"
    log.symlink_to("/dev/full")
    text = """
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
say("lost one")
signal.sigwait([signal.SIGUSR1])
say("lost two")
while not os.path.exists("well"):
    time.sleep(0.01)
while not os.path.exists("enough"):
    say("kept")
    time.sleep(0.05)
"""
    with Line(spec(tmp_path, *program(text))) as line:
        assert line.until(LogTrouble) == LogTrouble(errno.ENOSPC, 9)
        line.channel.send(wire.SIGNAL + b"%d" % signal.SIGUSR1)
        line.until_log(b"lost two\n")
        log.unlink()
        (tmp_path / "well").touch()
        better = line.until(LogTrouble)
        (tmp_path / "enough").touch()
        assert not [message for message in line.rest() if isinstance(message, LogTrouble)]
    assert better.errno is None
    assert better.lost_bytes >= len("lost one\nlost two\n")
    first, *others = log.read_text().splitlines()
    assert first == (
        f"[mixvllm: {better.lost_bytes} bytes are missing here: no space left on device]"
    )
    assert set(others) == {"kept"}
    assert line.log.count(b"\n") * 5 + 2 * 4 == better.lost_bytes + 5 * len(others)


def test_a_disk_that_stands_still_does_not_stop_the_engine(tmp_path: Path) -> None:
    """A fifo without a reader: its open blocks for ever, as a dead file server does."""
    log = tmp_path / "vllm.log"
    os.mkfifo(log)
    text = "for _ in range(80): os.write(1, b'x' * 65535 + b'\\n')\nsay('done'); wait()"
    with Line(spec(tmp_path, *program(text))) as line:
        assert line.until(LogTrouble) == LogTrouble(errno.ETIMEDOUT, 0)
        line.until_log(b"done\n")
        reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(reader, False)
        found = b""

        def better() -> bool:
            nonlocal found
            with contextlib.suppress(BlockingIOError):
                found += os.read(reader, 1 << 20)
            return b"the disk stood still" in found

        eventually(better, "the log to go on")
        trouble = line.until(LogTrouble)
        os.close(reader)
    assert trouble.errno is None
    assert f"[mixvllm: {trouble.lost_bytes} bytes are missing here".encode() in found


def test_a_dead_disk_does_not_keep_a_dead_engine(tmp_path: Path) -> None:
    """Commands, and the end of the supervisor, are heard while the log's thread is stuck."""
    os.mkfifo(tmp_path / "vllm.log")
    with Line(spec(tmp_path, *program("say('up 1'); wait()"))) as line:
        line.until_up(1)
        line.hang_up()
        line.everybody_gone()


def test_what_a_dead_disk_did_not_take_is_told_at_the_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "vllm.log")
    with Line(spec(tmp_path, "echo", "last words")) as line:
        heard = list(line.rest())
    assert heard[-2:] == [LogTrouble(errno.ETIMEDOUT, 11), Gone(0, ())]


def test_a_keeper_is_small_and_visible(tmp_path: Path) -> None:
    with Line(spec(tmp_path, *program("say('up 1'); wait()"))) as line:
        line.until_up(1)
        proc = Path(f"/proc/{line.keeper.pid}")
        memory = int((proc / "status").read_text().partition("VmRSS:")[2].split()[0]) / 1024
        words = (proc / "cmdline").read_bytes().split(b"\0")
        cwd = (proc / "cwd").readlink()
    assert memory < 20, f"{memory:.1f} MiB"
    assert words[2:4] == [b"-m", b"mixvllm.engine.keeper"]
    assert words[-2] == b"play"
    assert str(cwd) == "/"
