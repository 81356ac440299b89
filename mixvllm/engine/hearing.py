"""What one engine says, as events for the operator and inputs for the machine."""

import os
from typing import Final

from mixvllm.core.events import (
    FactLearned,
    LineLogged,
    Noted,
    OutputSkipped,
    PhaseEntered,
    PhaseProgressed,
)
from mixvllm.engine.desk import Desk
from mixvllm.engine.inputs import FamilyGone, PhaseReached, RootExited, Spawned, SpawnRefused
from mixvllm.engine.lines import LineSplitter
from mixvllm.engine.messages import (
    Dropped,
    Exited,
    Gone,
    KeeperLost,
    LogTrouble,
    Message,
    Output,
    SpawnFailed,
    Started,
)
from mixvllm.engine.process import EngineProcess
from mixvllm.engine.states import Idle, Starting, Stopping, Warming
from mixvllm.vllm.complaints import Complaints, may_pass
from mixvllm.vllm.logs import Fact, PhaseSeen, Progress, read_line

_LINES_AT_ONCE: Final = 100  # more in one piece than anybody can read: the rest is in the file
_FRESH: Final = 60.0  # seconds: what was complained about earlier did not end a ready engine


class Hearing:
    """One engine and all that was learnt from its output."""

    def __init__(self, desk: Desk, number: int, process: EngineProcess) -> None:
        self.number = number
        self.process = process
        self.pid: int | None = None
        self.status: int | None = None
        self._desk = desk
        self._splitter = LineSplitter()
        self._complaints = Complaints()

    async def listen(self) -> None:
        """Hear everything, to the end."""
        async for message in self.process.messages():
            self._hear(message)

    def _hear(self, message: Message) -> None:
        desk, number = self._desk, self.number
        match message:
            case Started(pid=pid):
                self.pid = pid
                desk.put(Spawned(number, pid))
            case SpawnFailed(message=why):
                desk.put(SpawnRefused(number, why))
            case Output(data):
                self._read(self._splitter.feed(data))
            case Dropped(lines=lines):
                self._read(self._splitter.flush())
                self._skipped(lines)
            case LogTrouble(errno=errno, lost_bytes=lost):
                self._note(_trouble(errno, lost))
            case Exited(status=status):
                self._read(self._splitter.flush())
                self.status = status
                cause = self._complaints.cause(since=self._since()) or ""
                desk.put(RootExited(number, status, cause, may_pass=may_pass(cause)))
            case Gone(killed=killed, left=left):
                desk.put(FamilyGone(number, killed, len(left)))
            case KeeperLost(status=status, detail=detail):
                said = f": {detail.splitlines()[-1]}" if detail else ""
                self._note(f"the engine's keeper has ended ({status}){said}; the engine ends, too")

    def _since(self) -> float:
        """A start is judged by all it said, an engine that was ready by its last words."""
        return 0.0 if self._desk.board.ready_at is None else self._desk.now() - _FRESH

    def _note(self, text: str) -> None:
        self._desk.emit(Noted(self._desk.now(), text))

    def _skipped(self, lines: int) -> None:
        why = "they came too fast to show"
        self._desk.emit(OutputSkipped(self._desk.now(), lines, why))

    def _read(self, lines: list[str]) -> None:
        starting = isinstance(self._desk.state, Starting | Warming | Idle)
        thorough = starting or isinstance(self._desk.state, Stopping)
        shown = lines[-_LINES_AT_ONCE:]
        if len(lines) > len(shown):
            self._skipped(len(lines) - len(shown))
        for line in lines if thorough else shown:
            self._complaints.hear(line, self._desk.now())
            for seen in read_line(line) if starting else ():
                self._learn(seen)
        for line in shown:
            self._desk.emit(LineLogged(self._desk.now(), line))

    def _learn(self, seen: PhaseSeen | Progress | Fact) -> None:
        now, board = self._desk.now(), self._desk.board
        match seen:
            case PhaseSeen(phase) if board.phase is None or phase.order > board.phase.order:
                self._desk.emit(PhaseEntered(now, phase))
                self._desk.put(PhaseReached(self.number, phase))
            case Progress(phase, done, total) if board.progress != (done, total):
                self._desk.emit(PhaseProgressed(now, phase, done, total))
            case Fact(name, value) if (name, value) not in board.facts:
                self._desk.emit(FactLearned(now, name, value))
            case _:
                pass


def _trouble(errno: int | None, lost: int) -> str:
    if errno is None:
        return f"the log file can be written again; {lost} bytes are missing in it"
    return f"the log file cannot be written: {os.strerror(errno).lower()}; vLLM goes on"
