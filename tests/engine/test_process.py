"""The supervisor's side: messages, and that nothing is left when a keeper or a supervisor dies."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from itertools import count
from pathlib import Path
from typing import TypeVar

import pytest

from mixvllm.engine import family, mark
from mixvllm.engine.messages import (
    Dropped,
    Exited,
    Gone,
    KeeperLost,
    Message,
    Output,
    SpawnFailed,
    Started,
)
from mixvllm.engine.process import EngineProcess
from mixvllm.engine.spec import EngineSpec
from tests.engine.plays import (
    HOME,
    LIMIT,
    SCATTERED_COUNT,
    eventually,
    program,
    scattered,
    spec,
    wearers,
)

T = TypeVar("T")


@pytest.fixture(autouse=True)
def _no_subreaper_afterwards() -> Iterator[None]:
    """Other tests' orphans are not for us."""
    yield
    ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)


def play(story: Coroutine[object, object, T]) -> T:
    """Run with asyncio's own checks on, and a limit."""

    async def limited() -> T:
        async with asyncio.timeout(LIMIT):
            return await story

    return asyncio.run(limited(), debug=True)


async def until(messages: AsyncIterator[Message], kind: type[T]) -> T:
    async for message in messages:
        if isinstance(message, kind):
            return message
    raise AssertionError(f"no {kind.__name__}")


async def until_up(messages: AsyncIterator[Message], count: int) -> list[int]:
    log = b""
    while log.count(b"up ") < count or not log.endswith(b"\n"):
        log += (await until(messages, Output)).data
    return [int(line.split()[1]) for line in log.splitlines() if line.startswith(b"up ")]


def keeper(engine: EngineProcess) -> family.Member:
    return family.identify(engine.keeper_pid)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def children() -> set[int]:
    """Ours, zombies included."""
    return {one.member.pid for one in family.everybody() if one.parent == os.getpid()}


def test_the_messages_of_a_whole_life(tmp_path: Path) -> None:
    async def story() -> list[Message]:
        engine = await EngineProcess.spawn(spec(tmp_path, "sh", "-c", "echo one; exit 3"))
        return [message async for message in engine.messages()]

    before = children()
    heard = play(story())
    match heard:
        case [Started(pid, start), Output(b"one\n"), Exited(3, _), Gone(0, ())]:
            assert pid > 1
            assert start > 0
        case other:
            pytest.fail(f"heard {other}")
    assert children() == before


def test_a_command_that_cannot_start(tmp_path: Path) -> None:
    async def story() -> list[Message]:
        async with await EngineProcess.spawn(spec(tmp_path, "no-vllm")) as engine:
            return [message async for message in engine.messages()]

    assert play(story()) == [SpawnFailed(2, "no-vllm was not found on PATH"), Gone(0, ())]


def test_a_keeper_is_out_of_reach_of_the_terminal(tmp_path: Path) -> None:
    async def story() -> tuple[int, int, set[str]]:
        async with await EngineProcess.spawn(spec(tmp_path, *program("say('up 1'); wait()"))) as it:
            await until_up(it.messages(), 1)
            fds = Path(f"/proc/{it.keeper_pid}/fd")
            return (
                it.keeper_pid,
                os.getsid(it.keeper_pid),
                {str((fds / n).readlink()) for n in "01"},
            )

    pid, session, fds = play(story())
    assert session == pid
    assert fds == {"/dev/null"}


def test_a_large_environment_is_passed_on_piece_by_piece(tmp_path: Path) -> None:
    env = {f"V{number}": "x" * 100_000 for number in range(8)}
    text = program("say(sum(len(os.environ[f'V{n}']) for n in range(8)))")

    async def story() -> bytes:
        async with await EngineProcess.spawn(spec(tmp_path, *text, env=env)) as engine:
            return (await until(engine.messages(), Output)).data

    assert play(story()) == b"800000\n"


def test_a_keeper_that_complains_a_lot_is_not_held_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reads its stderr while it lives; Python writes more than a pipe holds with these."""
    folders = [tmp_path / str(number) for number in range(8)]
    for folder in folders:
        folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, folders)))
    monkeypatch.setenv("PYTHONVERBOSE", "2")

    async def story() -> list[Message]:
        engine = await EngineProcess.spawn(spec(tmp_path, "true"))
        return [message async for message in engine.messages()]

    assert isinstance(play(story())[-1], Gone)


def test_relative_paths_are_those_of_the_supervisor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)

    async def story() -> None:
        engine = spec(tmp_path, "pwd", cwd="here", log_path="logs/vllm.log")
        async with await EngineProcess.spawn(engine) as running:
            await until(running.messages(), Gone)

    play(story())
    assert (tmp_path / "logs/vllm.log").read_text() == f"{tmp_path}/here\n"


def test_signals_and_sweeps_arrive(tmp_path: Path) -> None:
    text = "signal.signal(signal.SIGHUP, lambda *_: say('hup')); deaf(); say('up 1'); wait()"

    async def story() -> tuple[Exited, Gone]:
        async with await EngineProcess.spawn(spec(tmp_path, *program(text))) as engine:
            messages = engine.messages()
            await until_up(messages, 1)
            engine.signal_root(signal.SIGHUP)
            assert (await until(messages, Output)).data == b"hup\n"
            engine.sweep(0.1)
            return await until(messages, Exited), await until(messages, Gone)

    exited, gone = play(story())
    assert exited.status == -signal.SIGKILL
    assert gone == Gone(1, ())


@pytest.mark.parametrize("deaf", [False, True], ids=["polite", "deaf"])
def test_leaving_the_block_ends_everything(tmp_path: Path, *, deaf: bool) -> None:
    async def story() -> family.Member:
        engine = spec(tmp_path, *program(scattered(deaf=deaf)))
        async with await EngineProcess.spawn(engine) as running:
            await until_up(running.messages(), SCATTERED_COUNT)
            return keeper(running)

    before = children()
    assert mark.marked(mark.mark_of(play(story()))) == []
    assert children() == before


def test_leaving_the_block_at_once_is_fine(tmp_path: Path) -> None:
    async def story() -> family.Member:
        async with await EngineProcess.spawn(spec(tmp_path, *program("wait()"))) as engine:
            return keeper(engine)

    assert mark.marked(mark.mark_of(play(story()))) == []


def test_closing_ends_a_reader_in_another_task(tmp_path: Path) -> None:
    async def story() -> list[Message]:
        engine = await EngineProcess.spawn(spec(tmp_path, *program("say('up 1'); wait()")))
        up = asyncio.Event()

        async def read() -> list[Message]:
            heard = []
            async for message in engine.messages():
                heard.append(message)
                if isinstance(message, Output):
                    up.set()
            return heard

        reader = asyncio.create_task(read())
        await up.wait()
        await engine.close()
        await engine.close()
        return await reader

    assert [type(message) for message in play(story())] == [Started, Output]


def test_a_sweep_wakes_a_keeper_that_was_stopped(tmp_path: Path) -> None:
    async def story() -> Gone:
        it = await EngineProcess.spawn(spec(tmp_path, *program('say("up", os.getpid()); wait()')))
        messages = it.messages()
        await until_up(messages, 1)
        os.kill(it.keeper_pid, signal.SIGSTOP)
        it.sweep(0.0)
        return await until(messages, Gone)

    assert play(story()) == Gone(1, ())


def test_closing_wakes_a_keeper_that_was_stopped(tmp_path: Path) -> None:
    async def story() -> tuple[family.Member, float]:
        async with await EngineProcess.spawn(spec(tmp_path, *program("say('up 1'); wait()"))) as it:
            await until_up(it.messages(), 1)
            os.kill(it.keeper_pid, signal.SIGSTOP)
            who, began = keeper(it), time.monotonic()
        return who, time.monotonic() - began

    who, took = play(story())
    assert mark.marked(mark.mark_of(who)) == []
    assert took < 4, "it waited until it had to kill the keeper"


# the keeper is killed


@pytest.mark.parametrize("deaf", [False, True], ids=["polite", "deaf"])
def test_a_killed_keeper_is_noticed_and_its_work_is_done(tmp_path: Path, *, deaf: bool) -> None:
    """Also for members in other sessions whose parents are gone: the mark finds them."""

    async def story() -> tuple[family.Member, list[Message]]:
        engine = await EngineProcess.spawn(spec(tmp_path, *program(scattered(deaf=deaf))))
        messages = engine.messages()
        await until_up(messages, SCATTERED_COUNT)
        who = keeper(engine)
        kill(engine.keeper_pid)
        return who, [message async for message in messages]

    before = children()
    who, heard = play(story())
    match heard:
        case [KeeperLost(-9, ""), Exited(status, None), Gone(killed, ())]:
            assert status == (-9 if deaf else -15)
            assert killed == (SCATTERED_COUNT if deaf else 0)
        case other:
            pytest.fail(f"heard {other}")
    assert mark.marked(mark.mark_of(who)) == []
    assert children() == before


def test_a_keeper_that_is_killed_before_it_began(tmp_path: Path) -> None:
    async def story() -> list[Message]:
        engine = await EngineProcess.spawn(spec(tmp_path, *program("wait()")))
        kill(engine.keeper_pid)
        return [message async for message in engine.messages()]

    assert play(story()) == [KeeperLost(-9, ""), Gone(0, ())]


def test_a_keeper_that_is_killed_while_it_ends_the_family(tmp_path: Path) -> None:
    async def story() -> tuple[family.Member, list[Message]]:
        engine = await EngineProcess.spawn(spec(tmp_path, *program(scattered(deaf=True))))
        messages = engine.messages()
        who = keeper(engine)
        (root, *_) = await until_up(messages, SCATTERED_COUNT)
        kill(root)  # whichever of them it is
        engine.sweep(60.0)
        kill(engine.keeper_pid)
        return who, [message async for message in messages]

    before = children()
    who, heard = play(story())
    assert isinstance(heard[-1], Gone)
    assert mark.marked(mark.mark_of(who)) == []
    assert children() == before


def test_a_fault_of_the_keeper_is_told(tmp_path: Path) -> None:
    async def story() -> list[Message]:
        engine = await EngineProcess.spawn(spec(tmp_path, *program("say('up 1'); wait()")))
        messages = engine.messages()
        await until_up(messages, 1)
        engine.sweep("soon")  # type: ignore[arg-type] # the keeper cannot read this
        return [message async for message in messages]

    lost, *_, gone = play(story())
    assert isinstance(lost, KeeperLost)
    assert lost.status == 70
    assert "could not convert string to float: b'soon'" in lost.detail
    assert gone == Gone(0, ())


def test_one_keepers_death_is_not_the_others(tmp_path: Path) -> None:
    async def story() -> list[Message]:
        text = program("signal.signal(signal.SIGHUP, lambda *_: say('hup')); say('up 1'); wait()")
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        async with (
            await EngineProcess.spawn(spec(tmp_path / "a", *text)) as one,
            await EngineProcess.spawn(spec(tmp_path / "b", *text)) as other,
        ):
            hers, its = one.messages(), other.messages()
            await until_up(hers, 1)
            await until_up(its, 1)
            kill(one.keeper_pid)
            heard = [message async for message in hers]
            other.signal_root(signal.SIGHUP)
            assert (await until(its, Output)).data == b"hup\n"
            return heard

    assert [type(message) for message in play(story())] == [KeeperLost, Exited, Gone]


# the supervisor is killed

_SUPERVISOR = """
import asyncio, signal, sys
from mixvllm.engine import family, messages
from mixvllm.engine.process import EngineProcess
from mixvllm.engine.spec import decode

async def main():
    engine = await EngineProcess.spawn(decode(sys.stdin.buffer.read()))
    keeper = family.identify(engine.keeper_pid)
    print("spawned", keeper.pid, keeper.start, flush=True)
    async for message in engine.messages():
        print(type(message).__name__, flush=True)
        if isinstance(message, messages.Output) and message.data.startswith(b"up"):
            engine.sweep(3600)
            print("sweeping", flush=True)

asyncio.run(main())
"""


class Supervisor:
    """Another process that supervises an engine, and says what it hears."""

    def __init__(self, engine: EngineSpec) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SUPERVISOR],
            env={**os.environ, "PYTHONPATH": HOME},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdin is not None
        self.process.stdin.write(engine.encode())
        self.process.stdin.close()
        self.keeper = family.Member(*map(int, self.until("spawned")))

    def until(self, word: str) -> list[str]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            first, *others = line.decode().split()
            if first == word:
                return others
        raise AssertionError(f"the supervisor never said {word}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def gone(who: family.Member) -> bool:
    """A keeper and its family."""
    process = family.look(who.pid)
    return (process is None or process.member != who or not process.alive) and not wearers(who)


@pytest.mark.parametrize("moment", ["spawned", "Started", "Output", "sweeping"])
def test_when_the_supervisor_is_killed_nobody_stays(tmp_path: Path, moment: str) -> None:
    supervisor = Supervisor(spec(tmp_path, *program(scattered(deaf=True))))
    if moment != "spawned":
        supervisor.until(moment)
    supervisor.kill()
    eventually(lambda: gone(supervisor.keeper), "an empty house")


@pytest.mark.parametrize("milliseconds", [5, 20, 35, 50, 65, 80])
def test_when_the_supervisor_is_killed_at_any_time(tmp_path: Path, milliseconds: int) -> None:
    """The times fall into the keeper's imports, its fork, and the engine's first steps."""
    supervisor = Supervisor(spec(tmp_path, *program(scattered(deaf=True))))
    time.sleep(milliseconds / 1000)
    supervisor.kill()
    eventually(lambda: gone(supervisor.keeper), "an empty house")


def test_a_stopped_supervisor_does_not_stop_the_engine(tmp_path: Path) -> None:
    text = """
while not os.path.exists("stopped"):
    time.sleep(0.01)
for _ in range(100):
    os.write(1, b"x" * 99_999 + b"\\n")
open("done", "w").close()
"""
    supervisor = Supervisor(spec(tmp_path, *program(text)))
    supervisor.until("Started")
    os.kill(supervisor.process.pid, signal.SIGSTOP)
    (tmp_path / "stopped").touch()
    eventually((tmp_path / "done").exists, "the engine's last byte")
    os.kill(supervisor.process.pid, signal.SIGCONT)
    supervisor.until("Gone")
    supervisor.kill()
    eventually(lambda: gone(supervisor.keeper), "an empty house")


def test_who_kills_both_leaves_strays_that_can_be_found(tmp_path: Path) -> None:
    """Then nobody is there to clean up; the next run finds the deaf ones by their mark."""
    supervisor = Supervisor(spec(tmp_path, *program(scattered(deaf=True))))
    log = tmp_path / "vllm.log"
    eventually(lambda: log.exists() and log.read_bytes().count(b"up") == SCATTERED_COUNT)
    os.kill(supervisor.process.pid, signal.SIGSTOP)
    kill(supervisor.keeper.pid)
    supervisor.kill()

    def strays() -> list[family.Process]:
        return [process for who, process in mark.strays() if who == supervisor.keeper]

    eventually(lambda: len(strays()) == SCATTERED_COUNT, "the keeper's end")
    for process in strays():
        assert family.send(signal.SIGKILL, process.member)
    eventually(lambda: gone(supervisor.keeper), "an empty house")


# good company


def test_other_children_keep_their_exit_status(tmp_path: Path) -> None:
    async def story() -> tuple[int | None, int]:
        engine = await EngineProcess.spawn(spec(tmp_path, *program(scattered(deaf=False))))
        messages = engine.messages()
        other = await asyncio.create_subprocess_exec("sh", "-c", "read x; exit 7", stdin=-1)
        await until_up(messages, SCATTERED_COUNT)
        kill(engine.keeper_pid)
        await until(messages, KeeperLost)
        await other.communicate(b"\n")
        ran = await asyncio.to_thread(subprocess.run, ["sh", "-c", "exit 8"], check=False)
        await until(messages, Gone)
        return other.returncode, ran.returncode

    assert play(story()) == (7, 8)


def test_a_reader_that_is_slow_is_told_what_it_missed(tmp_path: Path) -> None:
    """It keeps a bounded number of messages, and the engine never waits for it."""
    size = 30_000_000
    text = f"""
for _ in range({size // 100_000}):
    os.write(1, b"x" * 99_999 + b"\\n")
open("done", "w").close()
"""

    async def story() -> list[Message]:
        engine = await EngineProcess.spawn(spec(tmp_path, *program(text)))
        while not (tmp_path / "done").exists():  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.01)
        return [message async for message in engine.messages()]

    heard = play(story())
    shown = sum(len(message.data) for message in heard if isinstance(message, Output))
    dropped = sum(message.bytes for message in heard if isinstance(message, Dropped))
    assert shown + dropped == size
    assert shown < 8_000_000
    assert (tmp_path / "vllm.log").stat().st_size == size
    assert isinstance(heard[-1], Gone)


def test_one_engine_after_another_is_heard_however_busy_the_loop_is(tmp_path: Path) -> None:
    """A descriptor that is closed too early is given to the next engine, deaf."""

    async def hog() -> None:
        """Whatever else a supervisor has to do: now more, now less."""
        for turn in count():
            time.sleep(turn % 8 * 0.0002)  # noqa: ASYNC251
            await asyncio.sleep(0)

    async def story() -> list[str]:
        hogging = asyncio.create_task(hog())
        heard = []
        for _ in range(12):
            engine = await EngineProcess.spawn(spec(tmp_path, "true"))
            heard.append([type(message).__name__ async for message in engine.messages()][-1])
            await engine.close()
        hogging.cancel()
        return heard

    assert play(story()) == ["Gone"] * 12
