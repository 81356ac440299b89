"""A parser of tool calls, and no automatic choice.

vLLM 0.32.0, `parser/parser_manager.py`, `ParserManager.get_tool_parser`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import idle


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Passed over. A name that is the reasoning parser's too is left alone: some releases had
    parsers for both at once.
    """
    parser = facts.setting("tool-call-parser")
    if parser is None or not isinstance(parser.value, str) or not parser.value:
        return
    if facts.value_of("reasoning-parser") == parser.value:
        return
    if facts.switched_on("enable-auto-tool-choice") is None:
        yield idle(
            RULE,
            parser,
            "enable-auto-tool-choice",
            "tool calls stay text unless a client names one",
        )


RULE = Rule("MX243", "tool-parser-idle", Severity.WARNING, check)
