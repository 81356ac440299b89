"""The root cause in vLLM's output, as far as it can be told from the text alone.

It is never the last line: that is the API server's "Engine core initialization failed. See
root cause above.", a hundred lines after the cause, and on the other stream. What holds for
the recordings of vLLM 0.32.0: the deepest process that logged an exception had the trouble
first (a worker, then EngineCore, then the API server), and of one logged record the last
exception counts. What only says that somebody else has failed is no cause.
"""

import re
from collections import deque
from dataclasses import dataclass
from typing import Final

PREFIX: Final = re.compile(
    r"(?:\((?P<process>[\w-]+(?: rank=\d+)?) pid=\d+\) )?"
    r"(?:(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL) \d\d-\d\d \d\d:\d\d:\d\d (?:\.\d+ )?"
    r"\[(?P<source>[^\]]*)\] ?)?"
)
_EXCEPTION: Final = re.compile(
    r"(?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt|Exit|Missing|NotFound)\w*: \S"
)
_USAGE: Final = re.compile(r"(?:[\w./-]+\.py|vllm(?: [\w-]+)*): error: (?=\S)")
_INVALID: Final = re.compile(r"\d+ validation errors? for (\w+)$")
_PYDANTIC: Final = re.compile(r"(?:Value error, |Assertion failed, )?(.*?)(?: \[type=.*)?$")
_FATAL: Final = ("Fatal Python error: ", "terminate called after throwing an instance of ")
# Headings of a record, and words of those who noticed that another process has failed.
_ECHOES: Final = (
    "Traceback (most recent call last)",
    "See root cause above",
    "See stack trace",
    "initialization failed due to an exception in a background process",
    "Executor failed.",
    "EngineCore failed to start.",
    "EngineCore encountered a fatal error.",
    "WorkerProc failed to start.",
    "WorkerProc hit an exception.",
    "output_handler failed.",
    "Broken pipe",
    "KeyboardInterrupt",
)
# A failure of the surroundings, which the same command may survive the next time.
_PASSING: Final = re.compile(
    "address already in use|connection (?:refused|reset|aborted|error|timed out)|timed out"
    "|temporary failure in name resolution|name or service not known|max retries exceeded"
    "|couldn't connect|internet connection|too many requests|no space left on device"
    r"|service unavailable|bad gateway|gateway time-?out|resource temporarily unavailable",
    re.IGNORECASE,
)
_LINES: Final = 6  # at the most, of one exception's text
_KEPT: Final = 100  # records


@dataclass(slots=True)
class _Record:
    """One call of the logger, or what was written without it (process ""). ``at`` in seconds."""

    process: str
    source: str
    at: float
    first: str
    exception: str = ""

    @property
    def depth(self) -> int:
        """The deeper, the nearer to the cause."""
        return 2 if "Worker" in self.process else int(self.process.startswith("EngineCore"))


class Complaints:
    """Hears the lines of one engine in their order; times are seconds of any one clock."""

    def __init__(self) -> None:
        self._records: deque[_Record] = deque(maxlen=_KEPT)
        self._open: dict[str, _Record] = {}  # the record that a process is writing
        self._unfinished: dict[str, list[str]] = {}  # an exception whose text goes on

    def hear(self, line: str, at: float) -> None:
        """One line, cleaned of colours and control characters."""
        prefix = PREFIX.match(line)
        process = (prefix["process"] if prefix else None) or ""
        level = prefix["level"] if prefix else None
        text = line[prefix.end() :] if prefix else line
        if self._goes_on(process, text):
            return
        if level is None:
            self._hear_bare(process, text, at)
        elif level in ("ERROR", "CRITICAL") or "exited unexpectedly" in text:
            self._hear_logged(process, str(prefix and prefix["source"]), text, at)
        else:
            self._open.pop(process, None)

    def cause(self, *, since: float = 0.0) -> str | None:
        """What most likely ended the engine, of all that was said since a moment."""
        records = [record for record in self._records if record.at >= since]
        for depth in (2, 1, 0):
            named = [r.exception for r in records if r.depth == depth and r.exception]
            if named:  # a deep process goes on complaining after its trouble, the others die of it
                return named[0] if depth else named[-1]
        return next((r.first for r in records if r.first), None)

    def _hear_bare(self, process: str, text: str, at: float) -> None:
        """Python's own words, argparse's, and those of libraries: only what is surely an error."""
        usage = _USAGE.match(text)
        if usage:
            self._records.append(_Record(process, "", at, "", text[usage.end() :]))
        elif _EXCEPTION.match(text) and not _echoes(text):
            record = _Record(process, "", at, "")
            self._records.append(record)
            self._take(record, process, text)
        elif text.startswith(_FATAL):
            self._records.append(_Record(process, "", at, text))

    def _hear_logged(self, process: str, source: str, text: str, at: float) -> None:
        record = self._open.get(process)
        if record is None or record.source != source:
            words = text.removeprefix("[shutdown] MPClient: ").removesuffix("; starting cleanup")
            record = _Record(process, source, at, "" if _echoes(words) else words)
            self._open[process] = record
            self._records.append(record)
        if _EXCEPTION.match(text) and not _echoes(text):
            self._take(record, process, text)

    def _take(self, record: _Record, process: str, text: str) -> None:
        record.exception = text.strip()
        if _INVALID.search(text) or text.rstrip().endswith(":"):
            self._unfinished[process] = [record.exception]
            self._open[process] = record

    def _goes_on(self, process: str, text: str) -> bool:
        """Whether this line belongs to the text of an exception that was begun."""
        begun = self._unfinished.get(process)
        if begun is None:
            return False
        over = not text.strip() or "For further information" in text or _EXCEPTION.match(text)
        if not over:
            begun.append(text.strip())
            self._open[process].exception = _in_one_line(begun)
        if over or len(begun) >= _LINES:
            del self._unfinished[process]
        return not over


def may_pass(cause: str) -> bool:
    """Whether trying again could help: the network, a port, the disk."""
    return _PASSING.search(cause) is not None


def _echoes(text: str) -> bool:
    return any(echo in text for echo in _ECHOES)


def _in_one_line(lines: list[str]) -> str:
    """``VllmConfig: max_num_seqs: Input should be ...`` for pydantic, else the lines joined."""
    invalid = _INVALID.search(lines[0])
    if invalid is None:
        return " ".join(lines)
    said = [match[1] for line in lines[1:] if (match := _PYDANTIC.match(line)) and match[1]]
    return f"{invalid[1]}: {' '.join(said)}"
