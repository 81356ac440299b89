"""Writes mixvllm/cli/shells/words.py again: ``python -m mixvllm.testing.list_words``.

What can be typed is declared where the commands are, for Typer, and where the settings are. The
completion of a shell has no time to import either, so it reads the same as plain data; a test
compares the two.
"""

import importlib
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from typer.models import OptionInfo

from mixvllm.cli.commands import COMMANDS, Command
from mixvllm.cli.shells import words
from mixvllm.core.origin import dotted
from mixvllm.settings.fields import SettingField, all_fields

_HEAD: Final = '''\
"""What can be typed, as plain data. Written by `python -m mixvllm.testing.list_words`.

A kind says what follows: nothing (""), `one WORD...` of these words, the value of a key (`key
NAME`) or of an option of vLLM (`option NAME`), or a `release`, `profile`, `file`, `subject` or
`setting`; `text` can be anything.
"""
'''
_BY_METAVAR: Final = {
    "VERSION": "release", "RELEASE": "release", "KEY=VALUE": "setting", "PROFILE": "profile",
    "CODE|RULE|KEY": "subject",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a command, as its function declares it for Typer."""

    name: str
    flags: tuple[str, ...]  # none of an argument
    annotation: Any
    metavar: str
    help: str


def parameters(command: Command) -> Iterator[Parameter]:
    """The options and arguments of a command."""
    function = getattr(importlib.import_module(command.module), command.function)
    for name, declared in inspect.signature(function).parameters.items():
        annotation, info = get_args(declared.annotation)[:2]
        flags: tuple[str, ...] = ()
        if isinstance(info, OptionInfo):
            # In an annotation, Typer keeps the first flag where a default would stand.
            given = (info.default, *(info.param_decls or ()))
            flags = tuple(flag for flag in given if isinstance(flag, str))
            flags = flags or (f"--{name.replace('_', '-')}",)
        if not info.hidden:
            yield Parameter(name, flags, annotation, info.metavar or "", info.help or "")


def options() -> dict[str, dict[str, tuple[str, str]]]:
    """Command -> option -> (kind, help)."""
    return {
        command.name: {
            flag: (_kind(parameter), parameter.help)
            for parameter in parameters(command)
            for flag in parameter.flags
        }
        for command in COMMANDS
    }


def arguments() -> dict[str, str]:
    """Command -> the kind of its argument; commands without one are not there."""
    return {
        command.name: _kind(parameter)
        for command in COMMANDS
        for parameter in parameters(command)
        if not parameter.flags
    }


def _kind(parameter: Parameter) -> str:
    if parameter.annotation is bool:
        return ""
    members = (parameter.annotation, *get_args(parameter.annotation))
    for member in members:
        if isinstance(member, type) and issubclass(member, StrEnum):
            return f"one {' '.join(member)}"
    for field in all_fields():
        if parameter.name == "_".join(map(str, field.path)):
            return f"key {dotted(field.path)}"
    if parameter.metavar in _BY_METAVAR:
        return _BY_METAVAR[parameter.metavar]
    if "--profile" in parameter.flags:
        return "profile"
    return "file" if Path in members else "text"


def settings() -> dict[str, tuple[str, str]]:
    """Every key of a profile -> (kind of its value, sentence)."""
    return {dotted(field.path): (_values(field), field.help) for field in all_fields()}


def _values(field: SettingField) -> str:
    if field.engine_option is not None:
        return f"option {field.engine_option}"
    if field.annotation is bool:
        return "one true false"
    members = (field.annotation, *get_args(field.annotation))
    words = [word for m in members if get_origin(m) is Literal for word in get_args(m)]
    return f"one {' '.join(words)}" if words else "text"


def text() -> str:
    """What the file should hold, before it is formatted."""
    return "".join(_lines())


def _lines() -> Iterator[str]:
    yield f"{_HEAD}\nOPTIONS: dict[str, dict[str, tuple[str, str]]] = {{\n"
    for command, given in options().items():
        yield f"    {command!r}: {{\n"
        yield from (f"        {flag!r}: {held!r},\n" for flag, held in given.items())
        yield "    },\n"
    yield "}\n\nARGUMENTS: dict[str, str] = {\n"
    yield from (f"    {command!r}: {kind!r},\n" for command, kind in arguments().items())
    yield "}\n\nKEYS: dict[str, tuple[str, str]] = {\n"
    yield from (f"    {key!r}: {held!r},\n" for key, held in settings().items())
    yield "}\n"


if __name__ == "__main__":
    Path(words.__file__).write_text(text(), encoding="utf-8")
    print("written; `ruff format` it", file=sys.stderr)
