"""MX241: options that contradict each other."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.settings.engine import EngineSetting

_LOAD_BALANCERS = (
    "data-parallel-external-lb",
    "data-parallel-hybrid-lb",
    "data-parallel-multi-port-external-lb",
)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """From vLLM 0.32.0's own checks (`entrypoints/cli/serve.py`, `engine/arg_utils.py`)."""
    headless, servers = facts.setting("headless"), facts.setting("api-server-count")
    if (
        headless is not None
        and headless.value is True
        and servers is not None
        and isinstance(servers.value, int)
        and servers.value > 0
    ):
        yield _finding(
            servers, headless, "headless engines have no API server, so none can be counted",
            "take one of the two out",
        )  # fmt: skip
    modes = [s for name in _LOAD_BALANCERS if (s := facts.setting(name)) and s.value is True]
    for mode in modes[1:]:
        yield _finding(
            mode, modes[0], "only one way of load balancing can be chosen", "keep one of them"
        )


def _finding(here: EngineSetting, there: EngineSetting, why: str, remedy: str) -> Diagnostic:
    return RULE.finding(
        f"`{here.name}` contradicts `{there.name}`: {why}",
        here.place.key,
        key=here.key,
        label=remedy,
        related=(Related(there.place.key, "set here"),),
    )


RULE = Rule("MX241", "contradiction", Severity.ERROR, check)
