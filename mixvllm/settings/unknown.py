"""Keys that the profile does not have: what was meant, and where it belongs."""

import difflib
from collections.abc import Iterable

from mixvllm.core.diagnostic import Applicability, Diagnostic, Fix, Severity
from mixvllm.core.origin import FileSpan, KeyPath, Origin, dotted
from mixvllm.settings.fields import all_fields, keys_of
from mixvllm.settings.secrets import redact
from mixvllm.vllm.advice import REMOVED
from mixvllm.vllm.options import newest, options_of
from mixvllm.vllm.slip import is_slip

# What people write for a key of ours, taken from other launchers' words.
_SYNONYMS: dict[str, str] = {
    "ip": "host", "address": "host", "bind": "host", "listen": "host",
    "model_path": "model", "model_name": "model", "model_id": "model", "path": "name",
    "engine": "inference", "generation": "generation_defaults", "sampling": "generation_defaults",
    "log": "logging", "logs": "logging", "devices": "gpus", "gpu": "gpus", "devices_ids": "select",
    "max_new_tokens": "max_tokens", "key": "api_key", "token": "api_key",
    "temp": "temperature", "dir": "directory", "folder": "directory",
    "ids": "select", "indices": "select", "visible_devices": "select",
    "expert_parallel_size": "enable_expert_parallel", "ep_size": "enable_expert_parallel",
}  # fmt: skip
_SHORT = 6  # letters, of which more must be alike: `stop` is not top_p


def near(name: str, known: Iterable[str]) -> str | None:
    """The known name that was meant, if one is near enough."""
    names = list(known)
    synonym = _SYNONYMS.get(name)
    if synonym in names:
        return synonym
    cutoff = 0.7 if len(name) <= _SHORT else 0.6
    close = difflib.get_close_matches(name, names, n=1, cutoff=cutoff)
    return close[0] if close else None


def _elsewhere(name: str, here: KeyPath) -> KeyPath | None:
    """Where a key of this name belongs, if it is not here."""
    for field in all_fields():
        if field.path[-1] == name and field.path[:-1] != here and len(field.path) > 1:
            return field.path
    option = options_of(newest()).find(name) if len(name) > 1 else None
    return None if option is None else _home(option.name)


def _home(option: str) -> KeyPath:
    """Where a profile sets an option of vLLM: in a section, if one has a name for it."""
    if option == "model":
        return ("model", "name")
    named = (field.path for field in all_fields() if field.engine_option == option)
    return next(named, ("vllm", "args", option))


def _in_other_words(name: str, here: KeyPath) -> str | None:
    """The key of this section for which another launcher has this name."""
    from mixvllm.vllm.synonyms import PHRASES  # not needed where every name is right

    homes = map(_home, PHRASES.get(name.replace("_", "-"), ()))
    return next((str(home[-1]) for home in homes if home[:-1] == here), None)


def unknown_key(
    written: str,
    at: KeyPath,
    origin: Origin,
    *,
    holds_anchors: bool = False,
    is_scalar: bool = False,
) -> Diagnostic:
    """The finding for a key that the section at ``at`` does not have.

    ``is_scalar``: its value is one number or text, which no section takes but `model`.
    """
    written = redact(written)  # a glued `api_key:VALUE` is one key for YAML
    name = written.replace("-", "_")
    known = [*keys_of(at), *(() if at else ("extends",))]
    where = f"in `{dotted(at)}`" if at else "in a profile"
    key = (*at, name)

    def say(code: str, message: str, *, label: str = "", fix: str | None = None) -> Diagnostic:
        edit = None
        if fix and isinstance(origin, FileSpan):
            sure = is_slip(written, fix, known)
            kebab = "-" in written and "_" not in written
            edit = Fix(
                origin, fix.replace("_", "-") if kebab else fix,
                Applicability.SAFE if sure else Applicability.UNSAFE,
            )  # fmt: skip
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
    here = str(elsewhere[-1]) if elsewhere is not None and elsewhere[:-1] == at else None
    if elsewhere is not None and here is None:
        home = dotted(elsewhere)
        return say(
            "MX101", f"`{written}` belongs in `{dotted(elsewhere[:-1])}`", label=f"write `{home}`"
        )
    became, _ = REMOVED.get(name.replace("_", "-"), ("", "")) if at else ("", "")
    if became:
        return say(
            "MX100", f"unknown key `{written}` {where}",
            label=f"vLLM has removed this option: {became}",
        )  # fmt: skip
    meant = here or _in_other_words(name.lower(), at) or near(name.lower(), known)
    inner = keys_of((*at, meant)) if meant and is_scalar and (*at, meant) != ("model",) else ()
    if inner and not holds_anchors:
        return say(
            "MX100", f"unknown key `{written}` {where}",
            label=f"did you mean a key of `{dotted((*at, str(meant)))}`: {', '.join(inner)}?",
        )  # fmt: skip
    if meant and (not holds_anchors or is_slip(written, meant, known)):
        return say(
            "MX100", f"unknown key `{written}` {where}", label=f"did you mean `{meant}`?", fix=meant
        )
    if holds_anchors:
        return say(
            "MX100", f"unknown key `{written}` {where}", fix=None if at else f"x-{written}",
            label=f"write `x-{written}`: what holds anchors stands at the top, as x-NAME",
        )  # fmt: skip
    return say("MX100", f"unknown key `{written}` {where}")
