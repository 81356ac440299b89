"""MX600: a secret in plain text."""

from collections.abc import Iterator, Mapping

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import FileSpan, KeyPath
from mixvllm.rules.base import Facts, Rule
from mixvllm.settings.secrets import is_secret_name


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A profile is shared and committed; a key in it is no longer a secret."""
    env = facts.resolved.value("vllm", "env")
    paths: list[tuple[KeyPath, str]] = [(("server", "api_key"), "server.api_key_file")]
    if isinstance(env, Mapping):
        paths += [(("vllm", "env", name), f"${{file:PATH}} or ${{env:{name}}}") for name in env]
    for path, instead in paths:
        place = facts.resolved.places.get(path)
        name = str(path[-1])
        if place is None or not is_secret_name(name) or not isinstance(place.value, FileSpan):
            continue
        if facts.resolved.value(*map(str, path)) is None:
            continue
        if facts.resolved.is_interpolated(place.value):
            continue
        what = "a token" if "TOKEN" in name else "a key"
        yield RULE.finding(
            f"{what} stands in plain text in the profile", place.value, key=path,
            label=f"use {instead}",
        )  # fmt: skip


RULE = Rule("MX600", "plain-secret", Severity.WARNING, check)
