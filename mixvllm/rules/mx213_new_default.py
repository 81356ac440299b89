"""MX213: defaults that changed since the release that the operator comes from."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import Default, KeyPath
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.new_defaults import new_defaults

_PLACES: tuple[KeyPath, ...] = (("vllm", "args"), ("vllm",), ("model",), ("model", "name"))


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The profile has not changed, and its service has: an option that it leaves to vLLM got
    another default. Asked for with ``--since``.
    """
    found = [] if facts.since is None else list(new_defaults(facts, facts.since))
    if not found:
        return
    places = (facts.resolved.places.get(path) for path in _PLACES)
    place = next((p.key for p in places if p is not None), Default("mixvllm"))
    count = "1 default" if len(found) == 1 else f"{len(found)} defaults"
    yield RULE.finding(
        f"{count} of vLLM changed between {facts.since} and {facts.options.release}",
        place,
        key=("vllm",),
        hint="; ".join(map(str, found)),
    )


RULE = Rule("MX213", "new-default", Severity.INFO, check)
