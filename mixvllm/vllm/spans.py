"""Names that come and go between releases, as one release has them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Generic, TypeAlias, TypeVar

Span: TypeAlias = tuple[int, int, str]
"""The first and the last release, by their places in the list, and letters (or none)."""

Spec = TypeVar("Spec")


def folded(held: Sequence[Spec | None]) -> list[tuple[int, int, Spec]]:
    """Spans of what each release has, in the order of the releases; None: it has nothing."""
    spans: list[tuple[int, int, Spec]] = []
    for index, spec in enumerate(held):
        if spec is not None and spans and spans[-1][1:] == (index - 1, spec):
            spans[-1] = (spans[-1][0], index, spec)
        elif spec is not None:
            spans.append((index, index, spec))
    return spans


def unfolded(
    table: Mapping[str, Any], sections: Iterable[str]
) -> dict[str, dict[str, dict[str, Any]]]:
    """What each release has, by section and name, of a table as it stands in a file: its
    ``releases``, and the spans of each name under each section.
    """
    releases: list[str] = table["releases"]
    facts: dict[str, dict[str, dict[str, Any]]] = {release: {} for release in releases}
    for section in sections:
        for index, release in enumerate(releases):
            held = Held(table[section], index)
            facts[release][section] = {name: held.get(name) for name in held}
    return facts


class Held(Generic[Spec]):
    """The things of one kind that one release has, by their names."""

    def __init__(self, spans: Mapping[str, Sequence[tuple[int, int, Spec]]], index: int) -> None:
        self._spans: Final = spans
        self._index: Final = index

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._spans if name in self)

    def __contains__(self, name: str) -> bool:
        return any(True for _ in self._found(name))

    def get(self, name: str) -> Spec | None:
        """What is written of a name; None when this release lacks it."""
        return next(self._found(name), None)

    def _found(self, name: str) -> Iterator[Spec]:
        spans = self._spans.get(name, ())
        return (spec for first, last, spec in spans if first <= self._index <= last)


class Names(Held[str]):
    """The names of one kind that one release has, each with its letters."""

    def __init__(
        self, spans: Mapping[str, Sequence[Span]], releases: Sequence[str], index: int
    ) -> None:
        super().__init__(spans, index)
        self._releases: Final = releases

    @property
    def of_all_releases(self) -> Iterator[str]:
        """The names that any release has."""
        return iter(self._spans)

    def added_in(self, name: str) -> str | None:
        """The first later release that has a name this one lacks."""
        later = [first for first, _, _ in self._spans.get(name, ()) if first > self._index]
        return self._releases[min(later)] if later else None

    def removed_in(self, name: str) -> str | None:
        """The release that took a name away which an earlier one had."""
        ended = [last for _, last, _ in self._spans.get(name, ()) if last < self._index]
        return self._releases[max(ended) + 1] if ended else None
