"""Where a value came from: a place in a file, a variable, an option, or a default."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]


def dotted(path: KeyPath) -> str:
    """``("gpus", "select", 0)`` as ``gpus.select[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


@dataclass(frozen=True, slots=True)
class FileSpan:
    """A stretch of a profile's text. Lines and columns are 1-based code points, ends exclusive."""

    path: Path
    line: int
    column: int
    end_line: int
    end_column: int
    included_by: "FileSpan | None" = None  # the `extends` entry that brought this file in

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class EnvVar:
    """An environment variable of ours, e.g. ``MIXVLLM_SERVER__PORT``."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class CliFlag:
    """An option as the operator typed it, e.g. ``--port`` or ``--set server.port``."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Default:
    """Nobody set it: the default of mixvllm, or of a release of vLLM."""

    of: str

    def __str__(self) -> str:
        return f"default of {self.of}"


Origin: TypeAlias = FileSpan | EnvVar | CliFlag | Default


def origin_json(origin: Origin) -> dict[str, str | int | None]:
    """The ``origin`` object of our JSON results; every kind has the same keys."""
    blank: dict[str, str | int | None] = {
        "kind": None, "path": None, "line": None, "column": None,
        "end_line": None, "end_column": None, "name": None,
    }  # fmt: skip
    match origin:
        case FileSpan(path, line, column, end_line, end_column):
            return blank | {
                "kind": "file",
                "path": str(path),
                "line": line,
                "column": column,
                "end_line": end_line,
                "end_column": end_column,
            }
        case EnvVar(name):
            return blank | {"kind": "env", "name": name}
        case CliFlag(name):
            return blank | {"kind": "cli", "name": name}
        case Default(of):
            return blank | {"kind": "default", "name": of}
