"""Options that several commands share, generated from the schema where it declares them.

Each everyday option is written once, in :mod:`mixvllm.settings.schema`; the parser only takes
its text, so that its type, its error and its origin are those of the settings layer.
"""

import functools
import inspect
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer


class Format(StrEnum):
    """How a result is written."""

    TEXT = "text"
    JSON = "json"


def with_profile_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the everyday options and ``--set``; it receives ``overrides``.

    Where the command has an option of the same name (``--host`` of `validate`), its own counts.
    """
    from mixvllm.core.errors import UsageFault
    from mixvllm.settings.fields import all_fields, type_in_words
    from mixvllm.settings.sources import Override

    own = inspect.signature(function).parameters
    taken = {f"--{name.replace('_', '-')}" for name in own}
    fields = {
        "_".join(map(str, f.path)): f
        for f in all_fields()
        if f.cli_flags and taken.isdisjoint(f.cli_flags)
    }
    parameters = [p for p in own.values() if p.name != "overrides"]
    for name, field in fields.items():
        metavar = type_in_words(field.annotation).split(" or ")[0].split()[-1].upper()
        option = typer.Option(
            *field.cli_flags, help=field.help, metavar=metavar, show_default=False,
            rich_help_panel=None,
        )  # fmt: skip
        parameters.append(_keyword(name, Annotated[str | None, option], None))
    setter = typer.Option("--set", help="set any key: SECTION.KEY=VALUE", metavar="KEY=VALUE")
    parameters.append(_keyword("set_", Annotated[list[str] | None, setter], None))

    @functools.wraps(function)
    def command(**arguments: Any) -> None:
        overrides: list[Override] = []
        for text in arguments.pop("set_") or []:
            key, equals, value = text.partition("=")
            if not equals or not key.strip():
                raise UsageFault(
                    f"--set takes KEY=VALUE, not {text!r}", hint="e.g. --set server.port=8001"
                )
            overrides.append(Override(f"--set {key.strip()}", key.strip(), value))
        for name, field in fields.items():
            value = arguments.pop(name)
            if value is not None:
                overrides.append(
                    Override(field.cli_flags[0], ".".join(map(str, field.path)), value)
                )
        function(**arguments, overrides=overrides)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _keyword(name: str, annotation: Any, default: object) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )
