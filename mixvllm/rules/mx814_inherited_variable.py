"""MX814: a variable of this shell that vLLM would refuse."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import EnvVar
from mixvllm.rules.base import Facts, Rule
from mixvllm.settings.kubernetes import services
from mixvllm.vllm.option import EnvVariable, Kind, Reading


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The engine inherits the environment, and each of its workers reads every variable of vLLM
    once the weights are loaded (``enable_envs_cache`` in vllm/envs.py, 0.32.0): one that it
    cannot read ends the start there. The best known one is VLLM_PORT, which Kubernetes sets to
    ``tcp://...`` for a service named ``vllm``.
    """
    if facts.wrapped:
        return
    theirs = {name: s.name for s in services(facts.environ, "VLLM") for name in s.variables}
    for name in sorted(facts.environ):
        known = facts.options.env.get(name) if name.startswith("VLLM_") else None
        if known is None or ("vllm", "env", name) in facts.resolved.places:
            continue
        takes = _what_it_takes(known, facts.environ[name])
        if takes:
            service = theirs.get(name)
            yield RULE.finding(
                f"{name} is set to `{facts.environ[name]}`"
                + (f", by Kubernetes for its service `{service}`" if service else "")
                + f": vLLM takes {takes}, and would fail to start",
                EnvVar(name),
                hint="rename the service, or set enableServiceLinks: false in the pod's spec"
                if service
                else f"unset it, or set vllm.env {name}",
            )


def _what_it_takes(known: EnvVariable, text: str) -> str:
    """In words, what a variable takes when it cannot take the text; else nothing."""
    if known.kind is Kind.INTEGER and not known.many:
        try:
            int(text)
        except ValueError:
            return "a whole number"
    if known.kind is Kind.SWITCH and known.reads(text) is Reading.REFUSED:
        return "0 or 1"
    return ""


RULE = Rule("MX814", "inherited-variable", Severity.ERROR, check)
