"""A layer: values from one place (a file, the environment, the command line) with their origins.

Keys are in the schema's snake case, those of ``vllm.args`` in vLLM's kebab case, whatever the
operator wrote. Every leaf, and every section that was written, has a :class:`Place`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.core.origin import CliFlag, EnvVar, KeyPath, Origin

Value: TypeAlias = object  # str, int, float, bool, None, or lists and string-keyed dicts of them


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key and where its value stands; the same origin outside files."""

    key: Origin
    value: Origin


@dataclass(frozen=True, slots=True)
class Lost:
    """A value that a stronger one took the place of, and the key that had set it."""

    key: KeyPath
    value: Value
    place: Place


@dataclass(slots=True)
class Layer:
    """One source of settings. ``values`` is nested; ``places`` is keyed by the full path.

    ``overridden`` has, by the key of the winner, what lost against it: the weakest first.
    """

    name: str
    values: dict[str, Value] = field(default_factory=dict)
    places: dict[KeyPath, Place] = field(default_factory=dict)
    overridden: dict[KeyPath, list[Lost]] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def put(self, path: KeyPath, value: Value, place: Place) -> None:
        """Set a leaf, making the mappings above it."""
        here: dict[str, Value] = self.values
        for part in path[:-1]:
            inner = here.setdefault(str(part), {})
            if not isinstance(inner, dict):
                inner = here[str(part)] = {}
            here = inner
        here[str(path[-1])] = value
        self.places[path] = place

    def forget(self, path: KeyPath) -> Lost | None:
        """Take a key out, with all below it; returns what it held, if it was set."""
        place = self.places.get(path)
        held = None if place is None else Lost(path, get(self.values, path), place)
        self.places = {p: place for p, place in self.places.items() if p[: len(path)] != path}
        self.values = without(self.values, path)
        return held

    def replace(self, path: KeyPath, value: Value, place: Place) -> None:
        """Set a leaf that may be set already; what it held is remembered."""
        lost = self.forget(path)
        if lost is not None:
            self.lose(path, lost)
        self.put(path, value, place)

    def lose(self, winner: KeyPath, *lost: Lost) -> None:
        """Note what lost against a key."""
        self.overridden.setdefault(winner, []).extend(lost)


def without(values: Mapping[str, Value], path: KeyPath) -> dict[str, Value]:
    """The values less the one at a path; the given ones stay as they are."""
    result = dict(values)
    if len(path) == 1:
        result.pop(str(path[0]), None)
    elif path and isinstance(inner := result.get(str(path[0])), Mapping):
        result[str(path[0])] = without(inner, path[1:])
    return result


def get(values: Mapping[str, Value], path: KeyPath) -> Value:
    """The value at a path of string keys, or None."""
    here: Value = values
    for part in path:
        if not isinstance(here, Mapping):
            return None
        here = here.get(str(part))
    return here


def merge(low: Mapping[str, Value], high: Mapping[str, Value]) -> dict[str, Value]:
    """``high`` over ``low``: mappings merge, everything else is replaced.

    The same rule as pydantic-settings' own merge of its sources (``deep_update``).
    """
    result = dict(low)
    for key, value in high.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = merge(old, value)
        else:
            result[key] = value
    return result


def merge_places(
    low: Mapping[KeyPath, Place], values: Mapping[str, Value], high: Layer
) -> tuple[dict[KeyPath, Place], tuple[Lost, ...]]:
    """Places after ``high`` was laid over ``low``: (the winners, the overridden leaves).

    ``values`` are those of ``low``.
    """
    replaced: set[KeyPath] = set()
    lost: list[Lost] = []
    for path in high.places:
        value = get(high.values, path) if all(isinstance(p, str) for p in path) else None
        if not isinstance(value, Mapping):
            replaced.add(path)
    kept: dict[KeyPath, Place] = {}
    for path, place in low.items():
        covered = any(path[:length] in replaced for length in range(len(path) + 1))
        if covered:
            lost.append(Lost(path, get(values, path), place))
        else:
            kept[path] = place
    return kept | high.places, tuple(lost)


def _strength(origin: Origin) -> int:
    """Which layer an origin belongs to: the higher, the stronger."""
    return 2 if isinstance(origin, CliFlag) else 1 if isinstance(origin, EnvVar) else 0


def strongest_first(lost: Iterable[Lost]) -> tuple[Lost, ...]:
    """By layer; those of one layer stay in the order they have."""
    return tuple(sorted(lost, key=lambda loser: -_strength(loser.place.value)))
