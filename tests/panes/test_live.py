"""The full-screen driver in real terminals, read back through an emulator."""

import asyncio
import os
import sys
import termios
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mixvllm.core.board import Board, fold, fold_all
from mixvllm.core.events import LineLogged, StateChanged
from mixvllm.panes.live import Live
from mixvllm.panes.sink import Key
from mixvllm.panes.view import Pane, picture
from mixvllm.testing.emulator import LIMIT, Emulator
from mixvllm.testing.show_panes import RUN, script

QUICK = 0.05  # seconds that a drawing may take at the most
READY = fold_all(Board(RUN), script("ready"))
STARTING = fold_all(Board(RUN), script("starting"))
NOW = READY.last
ROOT = Path(__file__).parents[2]


class Session:
    """Live panes on an emulator, inside an event loop."""

    def __init__(self, emulator: Emulator, *, color: bool = True, keys: bool = True) -> None:
        self.emulator = emulator
        self.pressed: list[Key] = []
        self.live = Live(
            emulator.terminal,
            emulator.terminal if keys else None,
            loop=asyncio.get_running_loop(),
            on_key=self.pressed.append,
            color=color,
        )

    async def shows(self, board: Board, size: tuple[int, int], pane: Pane = Pane.OVERVIEW) -> None:
        wanted = picture(board, now=NOW, width=size[0], height=size[1], pane=pane).plain()
        await self.emulator.shows(lambda: self.emulator.text == wanted)


@asynccontextmanager
async def session(
    columns: int = 80, rows: int = 24, *, color: bool = True, keys: bool = True
) -> AsyncIterator[Session]:
    with Emulator(columns, rows) as emulator:
        opened = Session(emulator, color=color, keys=keys)
        try:
            yield opened
        finally:
            opened.live.close(READY)


def run(play: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(4 * LIMIT):
            await play()

    asyncio.run(limited())


@pytest.mark.parametrize("size", [(40, 10), (80, 24), (120, 40), (200, 50)])
def test_the_terminal_shows_the_picture(size: tuple[int, int]) -> None:
    async def play() -> None:
        async with session(*size) as it:
            it.live.draw(READY, NOW)
            await it.shows(READY, size)
            assert it.emulator.cursor_hidden

    run(play)


def test_wide_characters_of_a_log_do_not_shift_the_border() -> None:
    board = fold(READY, LineLogged(NOW, "漢字かな交じり文 [bold]x[/bold] \x1b[31m é"))

    async def play() -> None:
        async with session() as it:
            it.live.draw(board, NOW)
            await it.shows(board, (80, 24))

    run(play)


def test_only_what_changed_is_written() -> None:
    async def play() -> None:
        async with session() as it:
            it.live.draw(READY, NOW)
            await it.shows(READY, (80, 24))
            written = len(it.emulator.raw)
            it.live.draw(READY, NOW + 0.4)  # the same second
            it.live.draw(replace(READY), NOW)  # another board that looks the same
            changed = fold(READY, StateChanged(NOW, "degraded", ""))
            it.live.draw(changed, NOW)
            await it.emulator.shows(lambda: "degraded" in it.emulator.text)
            update = bytes(it.emulator.raw[written:])
            assert update.count(b"\x1b[?2026h") == 1
            assert update.count(b";1H") < 24
            assert b"profile" in update
            assert b"\x1b[24;1H" not in update  # the bar with the keys has not changed

    run(play)


def test_a_drawing_costs_little_and_next_to_nothing_when_nothing_changed() -> None:
    def cost(it: Session, draws: int, seconds: float) -> float:
        """CPU seconds of a drawing, each so many seconds after the last."""
        begun = time.thread_time()
        for number in range(draws):
            it.live.draw(READY, NOW + number * seconds)
        return (time.thread_time() - begun) / draws

    async def play() -> None:
        async with session(120, 40) as it:
            cost(it, 20, 1.0)
            assert cost(it, 100, 1.0) < 0.004
            assert cost(it, 1000, 0.0) < 0.0002

    run(play)


def test_a_new_size_is_drawn_anew() -> None:
    async def play() -> None:
        async with session(80, 24) as it:
            it.live.draw(READY, NOW)
            await it.shows(READY, (80, 24))
            for size in ((100, 30), (40, 10), (80, 24), (81, 24)):
                it.emulator.raw.clear()
                it.emulator.resize(*size)
                it.live.draw(READY, NOW)
                await it.shows(READY, size)
                assert b"\x1b[2J" in it.emulator.raw

    run(play)


def test_closing_gives_the_terminal_back_and_says_how_it_ended() -> None:
    async def play() -> None:
        with Emulator() as emulator:
            before = termios.tcgetattr(emulator.terminal)
            it = Session(emulator)
            it.live.draw(READY, NOW)
            await it.shows(READY, (80, 24))
            assert termios.tcgetattr(emulator.terminal) != before
            it.live.close(fold(READY, StateChanged(NOW, "stopped", "")))
            it.live.close(READY)  # again: nothing
            it.live.draw(READY, NOW)
            assert termios.tcgetattr(emulator.terminal) == before
            emulator.feed()
            left = bytes(emulator.raw).partition(b"\x1b[?1049l")[2].decode()
            assert left.split("\r\n") == [
                "\x1b[36mllama-8b\x1b[0m \x1b[1mstopped\x1b[0m",
                "  served 1 min 59 s",
                "\x1b[2m  log \x1b[0m\x1b[36mlogs/llama-8b/engine.log\x1b[0m",
                "",
            ]
            assert not emulator.cursor_hidden

    run(play)


def test_keys_turn_the_panes_and_are_told() -> None:
    async def play() -> None:
        async with session() as it:
            it.live.draw(READY, NOW)
            for key, pane in (
                (b"l", Pane.LOG),
                (b"?", Pane.HELP),
                (b"?", Pane.OVERVIEW),
                (b"l", Pane.LOG),
                (b"l", Pane.OVERVIEW),
                (b"?", Pane.HELP),
                (b"\x1b", Pane.OVERVIEW),
            ):
                it.emulator.type(key)
                await it.shows(READY, (80, 24), pane)
            it.emulator.type(b"q")
            it.emulator.type(b"l")
            await it.shows(READY, (80, 24), Pane.LOG)
            assert it.pressed == [
                Key.LOG, Key.HELP, Key.HELP, Key.LOG, Key.LOG, Key.HELP, Key.BACK,
                Key.STOP, Key.LOG,
            ]  # fmt: skip
            assert b"lq" not in bytes(it.emulator.raw)  # typed keys are not echoed

    run(play)


def test_without_colour_there_is_none() -> None:
    async def play() -> None:
        async with session(color=False) as it:
            it.live.draw(READY, NOW)
            await it.shows(READY, (80, 24))
            for colour in range(30, 38):
                assert b"\x1b[%dm" % colour not in it.emulator.raw
                assert b";%dm" % colour not in it.emulator.raw

    run(play)


def test_without_a_keyboard_the_panes_are_shown_all_the_same() -> None:
    async def play() -> None:
        async with session(keys=False) as it:
            before = termios.tcgetattr(it.emulator.terminal)
            it.live.draw(READY, NOW)
            await it.shows(READY, (80, 24))
            assert termios.tcgetattr(it.emulator.terminal) == before

    run(play)


def test_a_terminal_that_nobody_reads_holds_up_nothing() -> None:
    async def play() -> None:
        with Emulator(200, 50) as emulator:
            before = termios.tcgetattr(emulator.terminal)
            it = Session(emulator)
            took = []
            for number in range(300):
                board = fold(READY, LineLogged(NOW, f"line {number} " + "x" * 180))
                board = replace(board, tail=tuple(f"{number} {n}" + "x" * 180 for n in range(50)))
                begun = time.monotonic()
                it.live.draw(board, NOW + number)
                took.append(time.monotonic() - begun)
            assert sorted(took)[270] < QUICK  # of ten, one may wait for a busy machine
            begun = time.monotonic()
            it.live.close(READY)
            assert time.monotonic() - begun < 4
            assert termios.tcgetattr(emulator.terminal) == before
            emulator.until(lambda: b"\x1b[?1049l" in emulator.raw)

    run(play)


def test_a_terminal_that_was_stopped_with_control_s_is_given_back() -> None:
    async def play() -> None:
        with Emulator() as emulator:
            it = Session(emulator)
            it.live.draw(READY, NOW)
            await it.shows(READY, (80, 24))
            emulator.type(b"\x13")
            it.live.draw(STARTING, NOW)
            it.live.close(READY)
            emulator.until(lambda: b"\x1b[?1049l" in emulator.raw)
            assert b"served" in emulator.raw

    run(play)


def test_a_terminal_that_is_hung_up_is_survived() -> None:
    async def play() -> None:
        with Emulator() as emulator:
            it = Session(emulator)
            it.live.draw(READY, NOW)
            await it.shows(READY, (80, 24))
            emulator.hang_up()
            loop = asyncio.get_running_loop()
            turns = 0
            end = loop.time() + LIMIT
            while not it.live.gone and loop.time() < end:
                turns += 1
                it.live.draw(READY, NOW + turns)
                await asyncio.sleep(0.01)
            assert it.live.gone
            # A keyboard that is gone must not wake the loop for ever.
            assert not loop.remove_reader(emulator.terminal)
            it.live.close(READY)

    run(play)


@asynccontextmanager
async def shell() -> AsyncIterator[Emulator]:
    """A real shell with job control on a terminal of its own (setsid is util-linux's)."""
    env = {**os.environ, "PS1": "ready> ", "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    env.pop("ENV", None)
    with Emulator() as emulator:
        child = await asyncio.create_subprocess_exec(
            "setsid", "--ctty", "/bin/sh", "-i",
            stdin=emulator.terminal, stdout=emulator.terminal, stderr=emulator.terminal,
            env=env, cwd=ROOT,
        )  # fmt: skip
        try:
            await emulator.shows(lambda: b"ready> " in emulator.raw)
            yield emulator
        finally:
            emulator.hang_up()
            child.kill()
            await child.wait()


async def mode_of(emulator: Emulator) -> list[bytes]:
    """What stty says in the shell."""
    emulator.raw.clear()
    emulator.type(b"stty -a | tr ';' ' '; echo do''ne\n")
    await emulator.shows(lambda: b"done\r\n" in emulator.raw)
    return bytes(emulator.raw).split()


PLAY = f"{sys.executable} -m mixvllm.testing.show_panes --state starting\n".encode()


def test_control_z_leaves_the_terminal_in_order_and_fg_comes_back() -> None:
    async def play() -> None:
        async with shell() as emulator:
            emulator.type(PLAY)
            await emulator.shows(lambda: "starting" in emulator.text and "q stop" in emulator.text)
            for _ in range(2):
                emulator.raw.clear()
                emulator.type(b"\x1a")
                await emulator.shows(lambda: emulator.raw.endswith(b"ready> "))
                assert b"\x1b[?25h\x1b[?1049l" in emulator.raw
                words = await mode_of(emulator)
                assert b"icanon" in words
                assert b"echo" in words
                emulator.raw.clear()
                emulator.type(b"fg\n")
                await emulator.shows(
                    lambda: b"\x1b[?1049h" in emulator.raw and b" help" in emulator.raw
                )
            emulator.type(b"q")
            await emulator.shows(lambda: emulator.raw.endswith(b"ready> "))
            assert b"never ready" in emulator.raw

    run(play)


DRAWS = """
import asyncio, os
from mixvllm.core.board import Board
from mixvllm.panes.live import Live
from mixvllm.testing.show_panes import RUN

async def main():
    stop = asyncio.Event()
    live = Live(1, 0, loop=asyncio.get_running_loop(), on_key=lambda key: stop.set())
    drawn = 0
    while not stop.is_set():
        live.draw(Board(RUN), float(drawn))
        drawn += 1
        if drawn == 10:
            os.write(2, b"drawn ten times")
        {then}
        await asyncio.sleep(0.02)
    live.close(Board(RUN))

asyncio.run(main())
"""


def test_in_the_background_the_terminal_is_left_alone_until_fg(tmp_path: Path) -> None:
    program = tmp_path / "draws.py"
    program.write_text(DRAWS.format(then="pass"))

    async def play() -> None:
        async with shell() as emulator:
            emulator.type(f"{sys.executable} {program} &\n".encode())
            # It is neither stopped by SIGTTOU nor does it draw over the shell.
            await emulator.shows(lambda: b"drawn ten times" in emulator.raw)
            assert b"\x1b[?1049h" not in emulator.raw
            assert b"icanon" in await mode_of(emulator)
            emulator.type(b"fg\n")
            await emulator.shows(lambda: b"\x1b[?1049h" in emulator.raw)
            await emulator.shows(lambda: "q stop" in emulator.text)
            emulator.type(b"\x1a")
            await emulator.shows(lambda: b"\x1b[?1049l" in emulator.raw)
            assert b"icanon" in await mode_of(emulator)
            emulator.type(b"bg\n")
            assert b"icanon" in await mode_of(emulator)
            assert b"\x1b[?1049h" not in emulator.raw
            emulator.type(b"fg\n")
            await emulator.shows(lambda: b"\x1b[?1049h" in emulator.raw)
            emulator.type(b"q")
            await emulator.shows(lambda: b"\x1b[?1049l" in emulator.raw)

    run(play)


@pytest.mark.parametrize("error", ["raise SystemExit(3)", "raise RuntimeError('a bug')"])
def test_a_program_that_forgets_to_close_leaves_the_terminal_in_order(
    tmp_path: Path, error: str
) -> None:
    program = tmp_path / "forgets.py"
    program.write_text(DRAWS.format(then=error))

    async def play() -> None:
        async with shell() as emulator:
            emulator.raw.clear()
            emulator.type(f"{sys.executable} {program}\n".encode())
            await emulator.shows(lambda: emulator.raw.endswith(b"ready> "))
            assert b"\x1b[?1049h" in emulator.raw
            assert b"\x1b[?1049l" in emulator.raw
            assert b"icanon" in await mode_of(emulator)

    run(play)
