"""Keys that the profile does not have: what was meant, and where it belongs."""

import difflib
from collections.abc import Iterable

from mixvllm.core.diagnostic import Diagnostic, Fix, Severity
from mixvllm.core.origin import FileSpan, KeyPath, Origin, dotted
from mixvllm.settings.fields import all_fields, keys_of
from mixvllm.settings.secrets import redact
from mixvllm.vllm.options import newest, options_of

# What people write for a key of ours, taken from other launchers' words.
_SYNONYMS: dict[str, str] = {
    "ip": "host", "address": "host", "bind": "host", "listen": "host",
    "model_path": "model", "model_name": "model", "model_id": "model", "path": "name",
    "engine": "inference", "generation": "generation_defaults", "sampling": "generation_defaults",
    "log": "logging", "logs": "logging", "devices": "gpus", "gpu": "gpus", "devices_ids": "select",
    "max_new_tokens": "max_tokens", "key": "api_key", "token": "api_key",
}  # fmt: skip


def near(name: str, known: Iterable[str]) -> str | None:
    """The known name that was meant, if one is near enough."""
    names = list(known)
    synonym = _SYNONYMS.get(name)
    if synonym in names:
        return synonym
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return close[0] if close else None


def _elsewhere(name: str, here: KeyPath) -> KeyPath | None:
    """Where a key of this name belongs, if it is not here."""
    for field in all_fields():
        if field.path[-1] == name and field.path[:-1] != here and len(field.path) > 1:
            return field.path
    option = options_of(newest()).find(name) if len(name) > 1 else None
    return ("vllm", "args", option.name) if option else None


def unknown_key(written: str, at: KeyPath, origin: Origin) -> Diagnostic:
    """The finding for a key that the section at ``at`` does not have."""
    written = redact(written)  # a glued `api_key:VALUE` is one key for YAML
    name = written.replace("-", "_")
    known = [*keys_of(at), *(() if at else ("extends",))]
    where = f"in `{dotted(at)}`" if at else "in a profile"
    key = (*at, name)

    def say(code: str, message: str, *, label: str = "", fix: str | None = None) -> Diagnostic:
        edit = Fix(origin, fix) if fix and isinstance(origin, FileSpan) else None
        hint = "" if label else f"known here: {', '.join(known)}"
        return Diagnostic(
            code, Severity.ERROR, message, origin, key=key, label=label, hint=hint, fix=edit
        )

    if name == "extends":
        return say("MX100", "`extends` stands at the top of a profile file, nowhere else")
    if name.lower() in known and name not in known:
        return say(
            "MX100", f"unknown key `{written}`: keys are written in lower case",
            label=f"write `{name.lower()}`", fix=name.lower(),
        )  # fmt: skip
    elsewhere = _elsewhere(name, at)
    if elsewhere is not None:
        home = dotted(elsewhere)
        return say(
            "MX101", f"`{written}` belongs in `{dotted(elsewhere[:-1])}`", label=f"write `{home}`"
        )
    meant = near(name.lower(), known)
    if meant:
        return say(
            "MX100", f"unknown key `{written}` {where}", label=f"did you mean `{meant}`?", fix=meant
        )
    return say("MX100", f"unknown key `{written}` {where}")
