"""Pieces of streamed answers in the log.

vLLM 0.32.0, `entrypoints/openai/chat_completion/serving.py`, `chat_completion_stream_generator`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import idle


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Passed over when answers are not logged."""
    deltas = facts.setting("enable-log-deltas")
    if deltas is None or not isinstance(deltas.value, bool):
        return
    if facts.switched_on("enable-log-outputs") is None:
        yield idle(RULE, deltas, "enable-log-outputs", "no answer is logged")


RULE = Rule("MX243", "log-deltas", Severity.WARNING, check, since="0.14")
