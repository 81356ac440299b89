"""MX600: a secret in plain text."""

from collections.abc import Iterator, Mapping

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import KeyPath
from mixvllm.rules.base import Facts, Rule
from mixvllm.settings.secrets import is_secret_name, looks_like_secret
from mixvllm.settings.written import is_filled_in, written


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A profile is shared and committed; a key in it is no longer a secret. The default in
    ``${env:NAME:-default}`` stands in the profile as well.
    """
    env = facts.resolved.value("vllm", "env")
    paths: list[tuple[KeyPath, str]] = [(("server", "api_key"), "server.api_key_file")]
    if isinstance(env, Mapping):
        paths += [(("vllm", "env", name), f"${{file:PATH}} or ${{env:{name}}}") for name in env]
    for path, instead in paths:
        place, name = facts.resolved.places.get(path), str(path[-1])
        value = facts.resolved.value(*map(str, path))
        if place is None or value is None or not str(value).strip():
            continue
        if not is_secret_name(name) and not looks_like_secret(str(value)):
            continue
        text = written(facts.resolved.texts, place.value)
        if text is None or is_filled_in(text):
            continue
        what = "a token" if "TOKEN" in name else "a key" if "KEY" in name.upper() else "a secret"
        yield RULE.finding(
            f"{what} stands in plain text in the profile", place.value, key=path,
            label=f"use {instead}",
        )  # fmt: skip


RULE = Rule("MX600", "plain-secret", Severity.WARNING, check)
