"""When things came and went between vLLM's releases.

A release named here is the first *known* release of its side: mixvllm has data for one or two
patches of each minor, so "removed in 0.14.1" may mean 0.14.0.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from mixvllm.vllm.table import Section, Span, load_table


@dataclass(frozen=True, slots=True)
class DefaultChange:
    """A default that changed while the option stayed."""

    release: str  # the first one with the new default
    old: object
    new: object


def removed_in(name: str, before: str) -> str | None:
    """The release in which an option disappeared, or None when it did not.

    Args:
        name: any spelling that set it, e.g. "swap_space" or "-tp".
        before: the release that is looked at: the option is not in it, but in an earlier one.

    Raises:
        UnknownRelease: there is no data for ``before``.
    """
    return _removed(_spelled(name), before)


def added_in(name: str, after: str) -> str | None:
    """The first release after ``after`` that has an option it lacks. Raises UnknownRelease."""
    return _added(_spelled(name), after)


def variable_removed_in(name: str, before: str) -> str | None:
    """As `removed_in`, for an environment variable."""
    return _removed(_present(load_table().spans("variables", name)), before)


def variable_added_in(name: str, after: str) -> str | None:
    """As `added_in`, for an environment variable."""
    return _added(_present(load_table().spans("variables", name)), after)


def key_removed_in(config: str, key: str, before: str) -> str | None:
    """As `removed_in`, for a key of a JSON option."""
    return _removed(_present(load_table().spans("keys", f"{config}.{key}")), before)


def key_added_in(config: str, key: str, after: str) -> str | None:
    """As `added_in`, for a key of a JSON option."""
    return _added(_present(load_table().spans("keys", f"{config}.{key}")), after)


def choice_removed_in(name: str, choice: str | int | None, before: str) -> str | None:
    """The release that took a choice away from an option (canonical name) and kept the option."""
    return _removed(_present(_offering("options", name, choice)), before)


def default_changes(name: str, since: str, until: str) -> tuple[DefaultChange, ...]:
    """Every change of an option's default (canonical name) after ``since``, up to ``until``."""
    table = load_table()
    first, last = table.index_of(since), table.index_of(until)
    changes = (
        (begin, earlier.get("default"), later.get("default"))
        for (_, _, earlier), (begin, _, later) in pairwise(table.spans("options", name))
    )
    return tuple(
        DefaultChange(table.releases[begin], old, new)
        for begin, old, new in changes
        if first < begin <= last and old != new
    )


def in_since(name: str, release: str) -> str | None:
    """The first release of those that have an option without a break up to this one.

    None when this release lacks it. Raises UnknownRelease.
    """
    return _since(_spelled(name), release)


def variable_in_since(name: str, release: str) -> str | None:
    """As `in_since`, for an environment variable."""
    return _since(_present(load_table().spans("variables", name)), release)


def key_in_since(config: str, key: str, release: str) -> str | None:
    """As `in_since`, for a key of a JSON option."""
    return _since(_present(load_table().spans("keys", f"{config}.{key}")), release)


def release_with(name: str, near: str) -> str | None:
    """The release to look an option up in that ``near`` may lack: itself, else the last one
    before it, else the first one after it. None when no release has it. Raises UnknownRelease.
    """
    return _nearest(_spelled(name), near)


def variable_release_with(name: str, near: str) -> str | None:
    """As `release_with`, for an environment variable."""
    return _nearest(_present(load_table().spans("variables", name)), near)


def _spelled(name: str) -> frozenset[int]:
    """The releases with an option that this spelling sets."""
    flag = name if name.startswith("-") else f"--{name}"
    flag = flag.replace("_", "-") if flag.startswith("--") else flag
    histories = load_table().histories("options")
    return _present(span for _, spans in histories for span in spans if flag in span[2]["flags"])


def _offering(section: Section, name: str, choice: str | int | None) -> Iterator[Span]:
    for span in load_table().spans(section, name):
        choices = span[2].get("choices")
        if choices is None or choice in choices:
            yield span


def _present(spans: Iterable[Span]) -> frozenset[int]:
    return frozenset(index for first, last, _ in spans for index in range(first, last + 1))


def _removed(present: frozenset[int], before: str) -> str | None:
    releases, index = load_table().releases, load_table().index_of(before)
    earlier = [place for place in present if place < index]
    return releases[max(earlier) + 1] if earlier and index not in present else None


def _added(present: frozenset[int], after: str) -> str | None:
    releases, index = load_table().releases, load_table().index_of(after)
    later = [place for place in present if place > index]
    return releases[min(later)] if later and index not in present else None


def _since(present: frozenset[int], release: str) -> str | None:
    releases, index = load_table().releases, load_table().index_of(release)
    if index not in present:
        return None
    while index - 1 in present:
        index -= 1
    return releases[index]


def _nearest(present: frozenset[int], near: str) -> str | None:
    releases, index = load_table().releases, load_table().index_of(near)
    earlier = [place for place in present if place <= index]
    later = [place for place in present if place > index]
    return releases[max(earlier) if earlier else min(later)] if present else None
