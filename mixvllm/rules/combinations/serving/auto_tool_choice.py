"""Automatic tool choice needs a parser.

vLLM 0.32.0, `entrypoints/launchers/cli_args.py`, `validate_parsed_serve_args`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.pairs import needs


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused when no parser is named."""
    setting = facts.switched_on("enable-auto-tool-choice")
    if setting is not None and facts.value_of("tool-call-parser") in (None, ""):
        yield needs(
            RULE, setting, "tool-call-parser", "tool calls are found in the text by a parser"
        )


RULE = Rule("MX240", "auto-tool-choice", Severity.ERROR, check)
