"""A supervisor in this process, with the fake engine: what becomes of it when we fail ourselves."""

import asyncio
import ctypes
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from mixvllm.core.board import Board, Run
from mixvllm.core.events import EngineSpawned, Event, LineLogged, StateChanged
from mixvllm.engine.machine import Policy
from mixvllm.engine.probe import Target
from mixvllm.engine.spec import EngineSpec
from mixvllm.engine.states import Exit, Stopped
from mixvllm.engine.supervisor import Supervisor
from mixvllm.testing.running import free_port
from tests.engine.plays import HOME, LIMIT

Tell = Callable[[Event, Board], None]


def supervisor(folder: Path, tell: Tell, *, argv: tuple[str, ...] = ()) -> Supervisor:
    port = free_port()
    fake = (
        *(sys.executable, "-m", "mixvllm.testing.fake_vllm", "serve", "m"),
        *("--host", "127.0.0.1", "--port", str(port)),
    )
    spec = EngineSpec(
        name="play",
        argv=argv or fake,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": HOME, "FAKE_VLLM_SPEED": "200"},
        cwd=str(folder),
        log_path=str(folder / "vllm.log"),
    )
    target = Target.at("127.0.0.1", port, served_name="m")
    run = Run("play", "m", "play.yaml", target.url, "0.32.0", spec.log_path)
    return Supervisor(run, spec, target, Policy(backoff=0.0, max_restarts=1), tell=tell)


@pytest.fixture(autouse=True)
def _no_subreaper_afterwards() -> Iterator[None]:
    """Other tests' orphans are not for us."""
    yield
    ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)


def children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """No process more than before; other tests may keep some for their whole module."""
    before = children()
    yield
    assert children() <= before


@pytest.mark.usefixtures("nothing_left")
def test_a_bug_beside_the_machine_ends_the_run_and_the_engine(tmp_path: Path) -> None:
    def tell(event: Event, board: Board) -> None:
        if isinstance(event, LineLogged):
            raise ZeroDivisionError  # in the task that listens to the engine

    async def story() -> Stopped:
        async with asyncio.timeout(LIMIT):
            return await supervisor(tmp_path, tell).run()

    with pytest.raises(ZeroDivisionError):
        asyncio.run(story())


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("state", ["starting", "warming", "ready"])
def test_a_run_that_is_cancelled_leaves_nothing(tmp_path: Path, state: str) -> None:
    async def story() -> None:
        reached = asyncio.Event()

        def tell(event: Event, board: Board) -> None:
            spawned = state == "starting" and isinstance(event, EngineSpawned)
            if spawned or (isinstance(event, StateChanged) and event.state == state != "starting"):
                reached.set()

        async with asyncio.timeout(LIMIT):
            running = asyncio.create_task(supervisor(tmp_path, tell).run())
            await reached.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    asyncio.run(story(), debug=True)


@pytest.mark.usefixtures("nothing_left")
def test_a_command_that_is_no_program_never_runs(tmp_path: Path) -> None:
    told: list[Event] = []

    def tell(event: Event, board: Board) -> None:
        told.append(event)

    async def story() -> Stopped:
        async with asyncio.timeout(LIMIT):
            return await supervisor(tmp_path, tell, argv=("no-vllm-here",)).run()

    ended = asyncio.run(story())
    assert ended == Stopped(Exit.MACHINE, "no-vllm-here was not found on PATH")
    assert not any(isinstance(event, EngineSpawned) for event in told)


def test_a_life_as_its_board_saw_it(tmp_path: Path) -> None:
    boards: list[Board] = []

    async def story() -> Stopped:
        def tell(event: Event, board: Board) -> None:
            boards.append(board)
            if board.state == "ready":
                mine.ask_stop("the test")

        mine = supervisor(tmp_path, tell)
        async with asyncio.timeout(LIMIT):
            return await mine.run()

    assert asyncio.run(story()).code is Exit.DONE
    ready = next(board for board in boards if board.state == "ready")
    assert ready.pid is not None
    assert ready.start_seconds is not None
    assert json.dumps([phase.phase for phase in ready.phases]) == json.dumps(
        ["imports", "config", "engine", "weights", "warm-up", "serving", "canary"]
    )
    assert boards[-1].pid is None
    assert boards[-1].exit_asked
