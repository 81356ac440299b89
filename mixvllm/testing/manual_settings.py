"""The tables of docs/settings.md: every key of a profile, from the schema."""

from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel

from mixvllm.core.origin import KeyPath, dotted
from mixvllm.settings.fields import SettingField, all_fields
from mixvllm.settings.schema import Profile
from mixvllm.settings.words import in_words, takes
from mixvllm.testing.declare_settings import section_of

# Keys that are checked and then do nothing yet; a test looks that nothing else reads them.
IDLE: Final[dict[str, str]] = {
    "supervisor.stall_timeout": "checked, and not acted on in this version",
}
_NOTES: Final[dict[str, str]] = {
    "": "`extends` and `x-*` keys are told in [the profile](profile.md). `serve` refuses more than"
    " one replica, and `nodes`, in this version.",
    "gpus": "How `serve` chooses, and what it does with a list:"
    " [which cards a service gets](placement.md).",
    "ops": "What it answers: [the ops endpoint](ops.md).",
    "terminal": "Checked, and not served in this version.",
}
_HEAD: Final = (
    "| key | takes | default | `vllm serve` | option | meaning |\n|---|---|---|---|---|---|"
)


def tables() -> str:
    """A table for each section, in the schema's order."""
    parts = [*_table((), Profile)]
    for name, info in Profile.model_fields.items():
        section = section_of(info.annotation)
        if section is not None:
            parts += _table((name,), section)
    return "\n".join(parts)


def _table(at: KeyPath, section: type[BaseModel]) -> Iterator[str]:
    fields = [f for f in all_fields() if f.path[: len(at)] == at and (at or len(f.path) == 1)]
    yield f"## `{dotted(at)}`\n" if at else "## The profile itself\n"
    if at:
        yield f"{(section.__doc__ or '').strip()}\n"
    note = _NOTES.get(dotted(at))
    if note:
        yield f"{note}\n"
    yield _HEAD
    yield from map(_row, fields)
    yield ""


def _row(field: SettingField) -> str:
    key = dotted(field.path[1:]) if len(field.path) > 1 else dotted(field.path)
    flags = ", ".join(f"`{flag}`" for flag in field.cli_flags)
    engine = f"`--{field.engine_option}`" if field.engine_option else ""
    meaning = "; ".join(filter(None, (field.help, IDLE.get(dotted(field.path), ""))))
    meaning = meaning.replace("|", "\\|")
    return f"| `{key}` | {takes(field)} | {_default(field)} | {engine} | {flags} | {meaning} |"


def _default(field: SettingField) -> str:
    if field.required:
        return "required"
    if field.default is None:
        return "vLLM's" if field.engine_option else ""
    return "" if field.default == () else f"`{in_words(field.default, field)}`"
