"""The tables of docs/settings.md: every key of a profile, from the schema."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mixvllm.core.origin import KeyPath, dotted
from mixvllm.settings.fields import SettingField, all_fields, type_in_words
from mixvllm.settings.schema import Profile
from mixvllm.testing.declare_settings import leaves, section_of

# Keys that are checked and then do nothing yet; a test looks that nothing else reads them.
IDLE: Final[dict[str, str]] = {
    "supervisor.stall_timeout": "checked, and not acted on in this version",
    "gpus.min_free_memory": "checked, and not acted on in this version",
}
_NOTES: Final[dict[str, str]] = {
    "": "`extends` and `x-*` keys are told in [the profile](profile.md). `serve` refuses more than"
    " one replica, and `nodes`, in this version.",
    "ops": "Checked, and not served in this version.",
    "terminal": "Checked, and not served in this version.",
}
_INFOS: Final = dict(leaves())
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
    info = _INFOS[field.path]
    key = dotted(field.path[1:]) if len(field.path) > 1 else dotted(field.path)
    flags = ", ".join(f"`{flag}`" for flag in field.cli_flags)
    engine = f"`--{field.engine_option}`" if field.engine_option else ""
    meaning = "; ".join(filter(None, (field.help, IDLE.get(dotted(field.path), ""))))
    meaning = meaning.replace("|", "\\|")
    return f"| `{key}` | {takes(info)} | {_default(field, info)} | {engine} | {flags} | {meaning} |"


def takes(info: FieldInfo) -> str:
    """What a key takes, in words, with its bounds."""
    annotation: Any = info.annotation
    wanted: Any = Annotated[annotation, *info.metadata] if info.metadata else annotation
    adapter: TypeAdapter[Any] = TypeAdapter(wanted)
    for text, meant, words in (("1m", 60.0, "a duration"), ("1GiB", 2**30, "a size")):
        try:
            if adapter.validate_python(text) == meant:
                return words
        except ValidationError:
            continue
    items = next((a for a in (annotation, *get_args(annotation)) if get_origin(a) is list), None)
    if items is not None and section_of(get_args(items)[0]) is not None:
        return "a list of mappings"
    return type_in_words(annotation) + _bounds(adapter.json_schema())


def _bounds(schema: dict[str, Any]) -> str:
    """``, 1 to 65535``: of the schema itself, or of the one member that has any."""
    for part in (schema, *schema.get("anyOf", ())):
        low, high = part.get("minimum"), part.get("maximum")
        above = part.get("exclusiveMinimum")
        if low is not None and high is not None:
            return f", {low:g} to {high:g}" if low < high else f", {low:g}"
        if above is not None:
            return f", above {above:g}" + (f", at most {high:g}" if high is not None else "")
        if low is not None:
            return f", at least {low:g}"
    return ""


def _default(field: SettingField, info: FieldInfo) -> str:
    value = info.default
    if value is PydanticUndefined:
        return "" if info.default_factory is not None else "required"
    if value is None:
        return "vLLM's" if field.engine_option else ""
    match takes(info):
        case "a duration":
            return f"`{value / 60:g}m`" if value >= 60 else f"`{value:g}s`"
        case "a size":
            return f"`{value / 2**20:g}MiB`"
        case _:
            return f"`{value if isinstance(value, str) else json.dumps(value)}`"
