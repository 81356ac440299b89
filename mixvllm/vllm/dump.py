"""Write down what one vLLM release understands: options, variables, keys of its JSON options.

Run it with the Python that has that vLLM, not with ours; it imports nothing of mixvllm:

    /path/to/python -P mixvllm/vllm/dump.py v0.32.0.json

It needs no GPU and starts no engine; a release takes 10 to 40 s, nearly all of it vLLM's imports.
A wheel that was only unpacked can be put first on PYTHONPATH instead of being installed. The CPU
platform is pinned first, because a CUDA build on a machine without a card refuses to build its
parser, and because the parser must not depend on the machine that dumped it (``--platform host``
leaves that choice to vLLM). `mixvllm.vllm.pack` reads the file.

How vLLM reads booleans from the environment is not written down anywhere, so it is measured: each
variable is set to every text of SPELLINGS in turn and vLLM's own getter is called.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import enum
import importlib
import inspect
import json
import os
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

FORMAT = 1
SPELLINGS = (
    *("1", "0", "true", "false", "True", "False", "TRUE", "FALSE"),
    *("yes", "no", "on", "off", "y", "n", "", "abc"),
)
# With these pydantic takes other values than the annotation says, e.g. a name for a QuantKey.
_REPLACING = {"GetPydanticSchema", "PlainValidator"}
_SUFFIXES = "kKmMgGtT"  # of a human-readable integer; t and T came later than the others
_LIMITS = ("ge", "gt", "le", "lt")

Json: typing.TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def plain(value: object) -> Json:
    """The JSON form of a default; what has none becomes ``{"object": its type}``."""
    if value is argparse.SUPPRESS:
        return {"object": "SUPPRESS"}
    if isinstance(value, enum.Enum):
        return plain(value.value) if isinstance(value, int) else value.name
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value):
        return {"dataclass": type(value).__name__}
    return {"object": type(value).__name__}


def spell_type(convert: object) -> str | None:
    """What converts an option's text, as ``optional[parse[loads]]`` or ``json[CacheConfig]``.

    vLLM wraps its converters in closures, so the names are read from the cells and defaults.
    A lambda has no name; its answer to one probe text tells what it is. Human-readable integers
    are written with the suffixes they take: ``human_readable_int[kKmMgG]``.
    """
    if convert is None:
        return None
    name = getattr(convert, "__name__", type(convert).__name__)
    if name == "<lambda>" and callable(convert):
        return f"lambda[{json.dumps(plain(convert('A-b,7')))}]"
    if name.startswith("human_readable_int") and callable(convert):
        return f"{name}[{''.join(letter for letter in _SUFFIXES if _takes(convert, f'1{letter}'))}]"
    for default in getattr(convert, "__defaults__", None) or ():
        if dataclasses.is_dataclass(default):
            return f"json[{getattr(default, '__name__', '?')}]"
    cells = [cell.cell_contents for cell in getattr(convert, "__closure__", None) or ()]
    inner = [spell_type(cell) for cell in cells if callable(cell)]
    short = {"_optional_type": "optional", "_parse_type": "parse"}.get(name, name)
    return f"{short}[{', '.join(filter(None, inner))}]" if inner else short


def _takes(convert: Callable[[str], object], text: str) -> bool:
    try:
        convert(text)
    except (ValueError, argparse.ArgumentTypeError):
        return False
    return True


def spell_annotation(annotation: object) -> str:
    """A field's annotation in bare names, e.g. ``int | Literal['auto'] | None``."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is None or annotation is type(None):
        return "None"
    if isinstance(annotation, str):
        return annotation
    if origin is typing.Annotated:
        replaced = {type(extra).__name__ for extra in arguments[1:]} & _REPLACING
        return "Any" if replaced else spell_annotation(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return " | ".join(spell_annotation(argument) for argument in arguments)
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    if origin is not None and arguments and not _is_callable_type(origin):
        spelled = ", ".join(spell_annotation(argument) for argument in arguments)
        return f"{getattr(origin, '__name__', 'Any')}[{spelled}]"
    name = getattr(origin or annotation, "__name__", "Any")
    return name if isinstance(name, str) and name.isidentifier() else "Any"


def _is_callable_type(origin: object) -> bool:
    return getattr(origin, "__name__", "") == "Callable"


def read_options(parser: argparse.ArgumentParser) -> list[dict[str, Json]]:
    """Every action of the parser, in its own order, with all spellings it is registered under."""
    spellings: dict[int, list[str]] = {}
    for spelling, action in parser._option_string_actions.items():
        spellings.setdefault(id(action), []).append(spelling)
    titles = {
        id(action): group.title
        for group in parser._action_groups
        for action in group._group_actions
    }
    marked = getattr(parser, "_deprecated", ())
    return [
        {
            "dest": action.dest,
            "flags": list[Json](spellings.get(id(action), [])),
            "negations": list[Json](_negations(action, spellings.get(id(action), []))),
            "action": type(action).__name__,
            "switch": isinstance(action, argparse.BooleanOptionalAction),
            "nargs": plain(action.nargs),
            "const": plain(action.const),
            "default": plain(action.default),
            "type": spell_type(action.type),
            "choices": None if action.choices is None else plain(list(action.choices)),
            "metavar": plain(action.metavar),
            "group": titles.get(id(action)),
            "deprecated": bool(getattr(action, "deprecated", False)) or action in marked,
            "help": action.help,
        }
        for action in parser._actions
    ]


def _negations(action: argparse.Action, spellings: list[str]) -> list[str]:
    """The spellings that mean false: ``--no-enable-x``, and ``--disable-x`` from 0.33.0 on."""
    if not isinstance(action, argparse.BooleanOptionalAction):
        return []
    known = getattr(action, "negative_option_strings", None)
    return [
        spelling
        for spelling in spellings
        if (spelling.startswith("--no-") if known is None else spelling in known)
    ]


def read_variables(envs: types.ModuleType) -> dict[str, Json]:
    """Every variable of vLLM's table: annotation and default as written, booleans as measured."""
    getters: Mapping[str, Callable[[], object]] = envs.environment_variables
    written = dict(_written(inspect.getsource(envs)))
    variables: dict[str, Json] = {}
    for name, getter in getters.items():
        annotation, default = written.get(name, (None, None))
        variables[name] = {"annotation": annotation, "default": default}
        if "bool" in (annotation or "") or isinstance(_read(name, None, getter), bool):
            readings = "".join(_mark(_read(name, text, getter)) for text in SPELLINGS)
            variables[name] = {"annotation": annotation, "default": default, "readings": readings}
    return variables


def _written(source: str) -> Iterator[tuple[str, tuple[str, str | None]]]:
    """The annotated names of the TYPE_CHECKING block; the code of the defaults is never run."""
    for block in ast.parse(source).body:
        for node in block.body if isinstance(block, ast.If) else ():
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                default = None if node.value is None else ast.unparse(node.value)
                yield node.target.id, (ast.unparse(node.annotation), default)


def _read(name: str, text: str | None, getter: Callable[[], object]) -> object:
    """What the getter answers with the variable set to the text (None: not set), or its error."""
    before = dict(os.environ)
    os.environ.pop(name, None)
    if text is not None:
        os.environ[name] = text
    try:
        return getter()
    except Exception as error:  # noqa: BLE001 - any refusal of vLLM's is an answer here
        return error
    finally:  # getters may write to the environment themselves
        os.environ.clear()
        os.environ.update(before)


def _mark(answer: object) -> str:
    """One character a reading: + on, - off, ~ as if not set, ! refused, ? something else."""
    if isinstance(answer, Exception):
        return "!"
    if answer is None:
        return "~"
    return ("+" if answer else "-") if isinstance(answer, int) else "?"


def read_configs(roots: Mapping[str, object]) -> dict[str, Json]:
    """The fields of these dataclasses and of every dataclass their annotations mention."""
    configs: dict[str, Json] = {}
    waiting = [cls for cls in roots.values() if isinstance(cls, type)]
    while waiting:
        cls = waiting.pop()
        if cls.__name__ in configs or not dataclasses.is_dataclass(cls):
            continue
        hints = _hints(cls)
        described: dict[str, Json] = {}
        for field in dataclasses.fields(cls):
            annotation = hints.get(field.name, field.type)
            spelled = spell_annotation(annotation)
            waiting += [part for part in _classes(annotation) if part.__name__ in spelled]
            described[field.name] = {
                "annotation": spelled,
                "limits": dict(_limits(field.default, annotation)),
                "init": field.init,
            }
        configs[cls.__name__] = described
    return configs


def _hints(cls: type) -> Mapping[str, object]:
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except Exception:  # noqa: BLE001 - a name only type checkers see; fields keep what they have
        return {}


def _classes(annotation: object) -> Iterator[type]:
    """Every class an annotation is built of."""
    if isinstance(annotation, type):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _classes(argument)


def _limits(*places: object) -> Iterator[tuple[str, Json]]:
    """Numeric bounds of pydantic: in a ``Field(...)`` default, or inside ``Annotated``."""
    for place in places:
        for found in (*getattr(place, "metadata", ()), *getattr(place, "__metadata__", ())):
            yield from _limits(found)
            for limit in _LIMITS:
                if isinstance(bound := getattr(found, limit, None), (int, float)):
                    yield limit, bound


def _roots(parser: argparse.ArgumentParser, config: types.ModuleType) -> dict[str, object]:
    """Every config class vLLM exports, and those only its converters know."""
    roots: dict[str, object] = {
        name: cls for name, cls in vars(config).items() if dataclasses.is_dataclass(cls)
    }
    waiting: list[object] = [action.type for action in parser._actions]
    while waiting:
        convert = waiting.pop()
        waiting += [cell.cell_contents for cell in getattr(convert, "__closure__", None) or ()]
        for default in getattr(convert, "__defaults__", None) or ():
            if isinstance(default, type) and dataclasses.is_dataclass(default):
                roots[default.__name__] = default
    return roots


def dump(*, platform: str) -> dict[str, Json]:
    """Import vLLM and read it. Raises ImportError when this Python has none, or an unknown one."""
    # vLLM collects help texts only when it sees --help at import, but beside "serve" it then hides
    # its own --model (0.32.0, engine/arg_utils.py).
    sys.argv = ["vllm", "--help"]
    os.environ |= {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "ERROR"}
    if platform == "cpu":
        platforms = importlib.import_module("vllm.platforms")
        cpu = importlib.import_module("vllm.platforms.cpu")
        platforms._current_platform = cpu.CpuPlatform()  # type: ignore[attr-defined]
    parser_class = importlib.import_module("vllm.utils.argparse_utils").FlexibleArgumentParser
    # The parser's own module has moved twice (0.29.0, 0.33.0); the command that uses it has not.
    serve = importlib.import_module("vllm.entrypoints.cli.serve")
    parser: argparse.ArgumentParser = serve.make_arg_parser(parser_class())
    version: str = importlib.import_module("vllm.version").__version__
    return {
        "format": FORMAT,
        "vllm": version.partition("+")[0],
        "platform": platform,
        "spellings": list[Json](SPELLINGS),
        "options": list[Json](read_options(parser)),
        "variables": read_variables(importlib.import_module("vllm.envs")),
        "configs": read_configs(_roots(parser, importlib.import_module("vllm.config"))),
    }


def main() -> None:
    """The command of the first lines of this module."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("out", type=Path, help="the JSON file to write, e.g. v0.32.0.json")
    arguments.add_argument("--platform", choices=("cpu", "host"), default="cpu")
    chosen = arguments.parse_args()
    own = Path(__file__).resolve().parent  # our modules must not shadow vLLM's imports
    sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != own]
    found = dump(platform=chosen.platform)
    chosen.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
