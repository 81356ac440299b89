"""The process that talks to the driver, and may hang there: a thread for each card.

The collector forks it. A line on its standard input asks for a look at all cards but those it
lists; it tells on a pipe, also in lines, every answer as soon as it has it. What the library
prints goes nowhere. Its main thread never enters the driver, so it ends with its input, whatever
hangs.

What it tells::

    {"opened": {"version": ..., "cuda_version": ...}}
    {"refused": code, "detail": ...}            no card can be asked; it ends
    {"count": 8, "skipped": [...]}              a look begins
    {"card": 0, "attached": true}
    {"card": 0, "told": {field: figure}, "why": {field: reason}}
    {"card": 0, "lost": reason} or {"card": 0, "fault": reason}
    {"card": 0, "links": {...}}
    {"card": 0, "done": true}                   this look is over
"""

import json
import os
import threading
import time
from collections.abc import Iterable
from queue import SimpleQueue
from typing import Any, Final

from mixvllm.gpu.holder import holder_of, pids_are_ours
from mixvllm.gpu.nvml import links
from mixvllm.gpu.nvml.card import MOVING, PROCESSES, SLOW, STEADY
from mixvllm.gpu.nvml.door import (
    FAULTS,
    Handle,
    Refused,
    Why,
    attach,
    count_cards,
    is_lost,
    open_nvml,
    reason_of,
)
from mixvllm.gpu.nvml.question import Question, asks_in_vain

SLOW_SECONDS: Final = 5.0  # between two looks at what changes slowly

_CONTAINER: Final = "the driver gives pids of the host, this is a container"
_HIDDEN: Final = "the process ended, or is hidden from this user"
_NOT_APART: Final = "the driver does not tell it apart"


class Asker:
    """NVML, opened by the first look, and the cards that were asked so far."""

    def __init__(self, answers: int, proc: str, *, with_links: bool, with_processes: bool) -> None:
        self._answers = answers  # a descriptor
        self.proc = proc
        self.with_links = with_links
        self.with_processes = with_processes
        self.attached: dict[int, Handle] = {}  # those that had told all
        self.pairs: set[tuple[int, int]] = set()  # whose path was asked
        self.lock = threading.Lock()  # of `pairs`, and of our output
        self._cards: dict[int, _Card] = {}

    def run(self) -> None:
        """A look for each line of our input."""
        looks: SimpleQueue[list[int]] = SimpleQueue()
        threading.Thread(target=self._serve, args=(looks,), daemon=True).start()
        with open(0, "rb", buffering=0, closefd=False) as commands:
            for line in commands:
                looks.put(json.loads(line))

    def _serve(self, looks: "SimpleQueue[list[int]]") -> None:
        try:
            self.tell({"opened": open_nvml(self.proc)})
            while True:
                skipped = looks.get()
                count = count_cards()
                self.tell({"count": count, "skipped": skipped})
                for index in range(count):
                    if index in skipped:
                        continue
                    if index not in self._cards:
                        self._cards[index] = _Card(index, self)
                    self._cards[index].looks.put(None)
        except Refused as refused:
            self.tell({"refused": refused.code, "detail": str(refused)})
            os._exit(0)

    def tell(self, message: dict[str, Any]) -> None:
        """One line, whole: several threads write."""
        line = json.dumps(message).encode() + b"\n"
        with self.lock:
            try:
                while line:
                    line = line[os.write(self._answers, line) :]
            except BrokenPipeError:
                os._exit(0)  # nobody listens any more


class _Card:
    """One card, in a thread of its own."""

    def __init__(self, index: int, asker: Asker) -> None:
        self.looks: SimpleQueue[None] = SimpleQueue()
        self._index = index
        self._asker = asker
        self._handle: Handle | None = None
        self._moving: tuple[Question, ...] = ()
        self._slow_at = 0.0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            self.looks.get()
            try:
                self._look()
            except FAULTS as error:
                self._handle = None
                kind = "lost" if is_lost(error) else "fault"
                self._tell({kind: reason_of(error)})
            self._tell({"done": True})

    def _look(self) -> None:
        handle, slow = self._handle, time.monotonic() >= self._slow_at
        fresh = handle is None
        if handle is None:
            handle = attach(self._index)
            self._tell({"attached": True})
            self._ask(handle, STEADY)
            self._handle = handle
        if slow or fresh:
            self._moving = tuple(self._ask(handle, MOVING))
            self._slow_at = time.monotonic() + SLOW_SECONDS
        else:
            self._ask(handle, self._moving)
        if self._asker.with_processes:
            self._ask(handle, (PROCESSES,))
        if slow or fresh:
            self._ask(handle, SLOW)
        if fresh and self._asker.with_links:
            self._ask_links(handle)

    def _ask(self, handle: Handle, questions: Iterable[Question]) -> list[Question]:
        """Ask, and tell each answer. Those that the card can answer come back."""
        useful = []
        for question in questions:
            answer = question.ask(handle)
            if not asks_in_vain(answer):
                useful.append(question)
            reasons: dict[str, str] = {
                name: value for name, value in answer.items() if isinstance(value, Why)
            }
            told = {name: value for name, value in answer.items() if name not in reasons}
            for name in ("processes", "mig_devices"):
                if told.get(name):
                    reasons |= self._name_holders(told[name])
            self._tell({"told": told, "why": reasons})
        return useful

    def _name_holders(self, found: Any) -> dict[str, str]:
        """Put names to the pids; the reasons for what stays unknown."""
        processes = [each for item in found for each in (item.get("processes") or [item])]
        processes = [each for each in processes if "pid" in each]
        why: dict[str, str] = {}
        if any(each["memory_bytes"] is None for each in processes):
            why["processes.memory_bytes"] = _NOT_APART
        ours = pids_are_ours(self._asker.proc)
        for each in processes:
            holder = holder_of(each["pid"], self._asker.proc) if ours else None
            if holder is None:
                reason = _HIDDEN if ours else _CONTAINER
                why |= {"processes.name": reason, "processes.user": reason}
            else:
                each.update(holder._asdict())
        return why

    def _ask_links(self, handle: Handle) -> None:
        asker, index = self._asker, self._index
        asker.attached[index] = handle
        self._tell({"links": links.nvlinks(handle)})
        for other, there in sorted(asker.attached.items()):
            pair = min(index, other), max(index, other)
            with asker.lock:
                known = pair in asker.pairs or index == other
                asker.pairs.add(pair)
            if not known:
                found = links.path(handle, there), links.peer_access(handle, there)
                self._tell({"pair": [*pair, *found]})

    def _tell(self, message: dict[str, Any]) -> None:
        self._asker.tell({"card": self._index, **message})
