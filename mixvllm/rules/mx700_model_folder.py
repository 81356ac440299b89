"""MX700: the folder of the model, and the files that a setting names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import FileSpan, KeyPath, Origin, dotted
from mixvllm.rules.base import Facts, FileFact, Rule
from mixvllm.settings.engine import EngineSetting, absolute
from mixvllm.settings.paths import is_local_path

_OPTIONS: Final = frozenset(
    {"chat-template", "tool-parser-plugin", "reasoning-parser-plugin", "log-config-file"}
)
FILES: tuple[KeyPath, ...] = (
    ("server", "api_key_file"),
    ("server", "ssl_certfile"),
    ("server", "ssl_keyfile"),
    ("server", "ssl_ca_certs"),
)
# Of a model in transformers' format, and in Mistral's.
_CONFIGURATIONS = ("config.json", "params.json")


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
        elif (
            fact is not None
            and fact.is_folder
            and fact.names.isdisjoint(_CONFIGURATIONS)
            and facts.setting("hf-config-path") is None
        ):
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
    for setting in facts.settings:
        named = file_of(setting)
        fact = facts.files.get(named) if named is not None else None
        why = _what_is_wrong(fact) if fact is not None else ""
        if why:
            key, origin = setting.key, setting.place.value
            yield _FILE.finding(f"`{dotted(key)}`: {named} {why}", origin, key=key)
            continue
        template = template_of(setting)
        fact = facts.files.get(template) if template is not None else None
        if fact is not None and not fact.exists:
            key, origin = setting.key, setting.place.value
            yield _FILE.finding(
                f"`{dotted(key)}`: {template} is not in the working folder, where vLLM looks",
                origin, key=key, severity=Severity.WARNING,
                label=f"a file beside the profile is ./{template}",
            )  # fmt: skip


def file_of(setting: EngineSetting) -> Path | None:
    """The file that an option of vLLM names; None when its value is something else.

    Such a value has been made absolute when it began as paths do.
    """
    if setting.option is None or setting.option.name not in _OPTIONS:
        return None
    value = setting.value
    return Path(value) if isinstance(value, str) and value.startswith("/") else None


def template_of(setting: EngineSetting) -> Path | None:
    """The chat template's file that vLLM looks for in its working folder, then among its own,
    which are called template_NAME.jinja. Text with a brace or of several lines is a template
    itself (0.32.0, `renderers/chat_utils.py`, `_load_chat_template`).
    """
    if setting.option is None or setting.option.name != "chat-template":
        return None
    text = setting.value
    if not isinstance(text, str) or text.startswith("/") or not {*"{}\n"}.isdisjoint(text):
        return None
    is_file = "/" in text or (text.endswith(".jinja") and not text.startswith("template_"))
    return Path(text) if is_file else None


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
