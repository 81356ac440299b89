"""Which sequences run and which wait: the batch of the fake EngineCore, without any I/O.

Batching is continuous as in vLLM: every sequence that runs gets one token a step; beyond
``--max-num-seqs`` or the KV cache they wait, first come first served.
"""

from dataclasses import dataclass, field

from mixvllm.testing.fake_wire import Message, Token
from mixvllm.testing.fake_words import Answer


@dataclass(slots=True)
class Sequence:
    """One request in the engine: its whole answer, and how much of it is out."""

    id: int
    prompt_tokens: int
    answer: Answer
    done: int = 0
    scheduled_at: float = 0.0  # time.monotonic()

    @property
    def cached(self) -> int:
        """Tokens it holds in the KV cache."""
        return self.prompt_tokens + self.done


@dataclass(slots=True)
class Scheduler:
    """The batch. ``kv_tokens`` is the size of the KV cache, in tokens."""

    max_num_seqs: int
    kv_tokens: int
    waiting: list[Sequence] = field(default_factory=list)
    running: list[Sequence] = field(default_factory=list)
    prefilled: int = 0  # prompt tokens since the last step
    told: tuple[int, int] = (0, 0)

    @property
    def count(self) -> int:
        """Sequences that are not finished."""
        return len(self.running) + len(self.waiting)

    @property
    def changed(self) -> bool:
        """Whether the numbers differ from those last reported."""
        return self.told != (len(self.running), len(self.waiting))

    def abort(self, number: int) -> None:
        """Forget one sequence."""
        self.waiting = [sequence for sequence in self.waiting if sequence.id != number]
        self.running = [sequence for sequence in self.running if sequence.id != number]

    def clear(self) -> None:
        """Forget all."""
        self.waiting.clear()
        self.running.clear()

    def admit(self, now: float) -> None:
        """Let waiting sequences run while there is room."""
        while self.waiting and len(self.running) < self.max_num_seqs:
            held = sum(sequence.cached for sequence in self.running)
            if held + self.waiting[0].cached > self.kv_tokens:
                break
            sequence = self.waiting.pop(0)
            sequence.scheduled_at = now
            self.running.append(sequence)
            self.prefilled += sequence.prompt_tokens

    def advance(self) -> list[Token]:
        """One token for every sequence that runs; finished ones leave."""
        tokens: list[Token] = []
        for sequence in self.running:
            said = sequence.answer
            last = sequence.done + 1 == len(said.pieces)
            tokens.append(
                {
                    "id": sequence.id,
                    "text": said.pieces[sequence.done],
                    "finish_reason": said.finish_reason if last else None,
                    "stop_reason": said.stop_reason if last else None,
                    "scheduled_at": sequence.scheduled_at,
                }
            )
            sequence.done += 1
        self.running = [one for one in self.running if one.done < len(one.answer.pieces)]
        return tokens

    def report(self, tokens: list[Token]) -> Message:
        """What the API server is told after a step, or after a change without one."""
        self.told = (len(self.running), len(self.waiting))
        prefilled = self.prefilled if tokens else 0
        self.prefilled -= prefilled
        return {
            "op": "out",
            "tokens": tokens,
            "running": self.told[0],
            "waiting": self.told[1],
            "kv_usage": sum(sequence.cached for sequence in self.running) / self.kv_tokens,
            "prefill_tokens": prefilled,
        }
