"""MX700: the folder of the model, and the files that a setting names."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import FileSpan, KeyPath, Origin, dotted
from mixvllm.rules.base import Facts, FileFact, Rule
from mixvllm.settings.engine import absolute
from mixvllm.settings.schema import is_local_path

FILES: tuple[KeyPath, ...] = (
    ("server", "api_key_file"),
    ("server", "ssl_certfile"),
    ("server", "ssl_keyfile"),
    ("server", "ssl_ca_certs"),
)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """A name that starts as a path is a folder of this machine. vLLM would take a missing one
    for a repository on the Hub, and complain of its form after 20 seconds.
    """
    if not facts.machine:
        return
    model = facts.resolved.value("model", "name")
    if isinstance(model, str) and is_local_path(model):
        place = facts.place(("model", "name"))
        path = absolute(model, place.value)
        fact = facts.files.get(path)
        if fact is not None and not fact.exists:
            yield RULE.finding(
                f"the model's folder {path} is not there", place.value, key=("model", "name"),
                hint=f"a relative path starts at the {_base(place.value)} folder",
            )  # fmt: skip
        elif fact is not None and fact.is_folder and "config.json" not in fact.names:
            yield RULE.finding(
                f"{path} holds no config.json: it is no model's folder", place.value,
                key=("model", "name"), hint="name the folder that has config.json in it",
            )  # fmt: skip
    for key in FILES:
        value = facts.resolved.value(*map(str, key))
        if not isinstance(value, str) or not value.strip():
            continue
        place = facts.place(key)
        path = absolute(value, place.value)
        fact = facts.files.get(path)
        why = _what_is_wrong(fact) if fact is not None else ""
        if why:
            yield _FILE.finding(f"`{dotted(key)}`: {path} {why}", place.value, key=key)


def _what_is_wrong(fact: FileFact) -> str:
    """Why a file cannot be used, in words that follow its name; "" when it can."""
    if not fact.exists:
        return "is not there"
    if fact.is_folder:
        return "is a folder"
    return fact.no_key or ("" if fact.readable else "cannot be read")


def _base(origin: Origin) -> str:
    return "profile's" if isinstance(origin, FileSpan) else "working"


RULE = Rule("MX700", "model-folder", Severity.ERROR, check)
_FILE = Rule("MX800", "file-missing", Severity.ERROR, check)
