"""What the fake engine reads and writes: text cut into tokens, and deterministic answers.

The same prompt always gets the same answer. A few questions get the right one, so
that a rehearsed chat makes sense and a canary can tell sense from nonsense.
"""

import itertools
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_PIECE = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")
_CAPITAL = re.compile(r"capital of (\w+)", re.IGNORECASE)
_VOCABULARY_SIZE = 49152  # of SmolLM2-135M, the model of the recordings
_CAPITALS = {
    "france": "The capital of France is Paris.",
    "germany": "The capital of Germany is Berlin.",
    "italy": "The capital of Italy is Rome.",
    "japan": "The capital of Japan is Tokyo.",
    "spain": "The capital of Spain is Madrid.",
}
_WORDS = [
    "the",
    "a",
    "one",
    "every",
    "small",
    "large",
    "engine",
    "token",
    "model",
    "cache",
    "batch",
    "request",
    "answer",
    "word",
    "line",
    "reads",
    "writes",
    "holds",
    "keeps",
    "sends",
    "counts",
    "follows",
    "waits",
    "starts",
    "turns",
    "and",
    "or",
    "then",
    "with",
    "from",
    "after",
    "before",
    "under",
    "over",
    "slowly",
    "quickly",
    "again",
    "first",
    "last",
    "next",
    "clear",
    "warm",
    "quiet",
    "bright",
]
_GIBBERISH = (",", " ,,", "       ")  # a model whose config.json did not fit its weights (run g4b)
_END = ""  # the end-of-sequence token: it counts, and has no text


@dataclass(frozen=True, slots=True)
class Answer:
    """One finished generation: ``pieces`` holds one string for each token counted."""

    pieces: tuple[str, ...]
    finish_reason: str  # "stop" or "length"
    stop_reason: str | None  # the stop string that ended it


def split(text: str) -> list[str]:
    """Cut text into tokens; joined again they are the text."""
    return _PIECE.findall(text)


def token_id(piece: str) -> int:
    """The number of a token: the same for the same text, below the vocabulary size."""
    return zlib.crc32(piece.encode()) % _VOCABULARY_SIZE


def answer(
    prompt: str,
    *,
    limit: int,
    ignore_eos: bool = False,
    stop: Sequence[str] = (),
    sense: bool = True,
) -> Answer:
    """What the model says to ``prompt``, in at most ``limit`` tokens (1 or more).

    ``sense=False`` is a model that talks nonsense and does not end by itself.
    """
    if not sense:
        source: Iterator[str] = itertools.cycle(_GIBBERISH)
    elif ignore_eos:
        source = itertools.chain(_reply(prompt), _prose(prompt))
    else:
        source = itertools.chain(_reply(prompt), [_END])
    pieces: list[str] = []
    text = ""
    for piece in itertools.islice(source, limit):
        pieces.append(piece)
        for end in stop:
            if (found := (text + piece).find(end)) >= 0:
                pieces[-1] = piece[: max(0, found - len(text))]
                return Answer(tuple(pieces), "stop", end)
        text += piece
    ended = sense and not ignore_eos and pieces[-1] == _END
    return Answer(tuple(pieces), "stop" if ended else "length", None)


def _reply(prompt: str) -> list[str]:
    asked = _CAPITAL.findall(prompt)
    if asked and (known := _CAPITALS.get(asked[-1].lower())):
        line = prompt.rstrip().rpartition("\n")[2].lower()
        if line and known.lower().startswith(line):  # a text to be continued, not a question
            known = known[len(line) :]
        return split(known)
    return list(itertools.islice(_prose(prompt), 24))


def _prose(seed: str) -> Iterator[str]:
    """Sentences without end that depend on the seed alone.

    Drawn with a linear congruential generator (the constants of C's ``rand``), because
    the ``random`` module costs a tenth of the whole start.
    """
    state = zlib.crc32(seed.encode())
    gap = ""
    while True:
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        words = 5 + (state >> 16) % 8
        for place in range(words):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            word = _WORDS[(state >> 16) % len(_WORDS)]
            yield gap + word.capitalize() if place == 0 else f" {word}"
        yield "."
        gap = " "
