"""Which layers share a table of blocks.

All groups draw blocks from one pool, so a block is as large as the widest group needs it, and a
request takes blocks for every group. vLLM 0.12.0 to 0.33.0, `v1/core/kv_cache_utils.py` (0.33:
`kv_cache_planning.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mixvllm.vllm.memory.kv_packed import packed_groups
from mixvllm.vllm.memory.kv_spec import Kind, Name, Spec
from mixvllm.vllm.memory.unknown import UnknownLayout
from mixvllm.vllm.table import numbers

_BY_KIND: Final = (0, 10, 0)  # kinds of layers have blocks of their own
_EVEN: Final = (0, 12, 0)  # nearly as many layers of each kind are one group of each
# Up to this much more of one kind than of another is padding, not another group.
_WIDER: Final = (0, 18, 0)
# From here on pages that do not divide are padded; before, vLLM refused the model.
_PADS: Final = (0, 24, 0)
_PADS_STATES: Final = (0, 26, 0)


@dataclass(frozen=True, slots=True)
class Group:
    """Layers with one table of blocks."""

    members: Mapping[Name, Spec]

    def blocks(self, length: int) -> int:
        """Blocks of a request."""
        return max(spec.blocks(length) for spec in self.members.values())

    @property
    def block(self) -> int:
        """Tokens of a block."""
        return next(iter(self.members.values())).block

    def page(self, names: frozenset[Name]) -> int:
        """Bytes of a block in those of its layers that a rank has."""
        return sum(spec.page for name, spec in self.members.items() if name in names)


def groups(specs: Mapping[Name, Spec], release: str, *, hybrid: bool) -> tuple[Group, ...]:
    """The groups of a whole model. Not ``hybrid``: local layers keep everything."""
    if not specs:
        return ()
    if any(spec.packed for spec in specs.values()):
        if not hybrid:
            raise UnknownLayout("this model without its hybrid KV cache manager is not known")
        return tuple(map(Group, packed_groups(specs)))
    if not hybrid:
        specs = _promoted(specs)
    if _are_one_kind(tuple(specs.values())):
        return (Group(specs),)
    if numbers(release) < _BY_KIND:
        raise UnknownLayout(f"how vLLM {release} caches layers of several kinds is not known")
    return _by_page(_unified(specs, release), release)


def _are_one_kind(specs: Sequence[Spec]) -> bool:
    first = specs[0]
    if len({(spec.kind, spec.block, spec.window) for spec in specs}) > 1:
        return False
    return first.kind is not Kind.STATE or len({(spec.reach, spec.page) for spec in specs}) == 1


def _promoted(specs: Mapping[Name, Spec]) -> Mapping[Name, Spec]:
    """Sliding and chunked layers as if they kept every token."""
    full = [spec for spec in specs.values() if spec.kind is Kind.FULL]
    local = (Kind.SLIDING, Kind.CHUNKED)
    promoted = {
        name: replace(spec, kind=Kind.FULL, block=full[0].block, window=0, reach=0)
        if full and spec.kind in local
        else spec
        for name, spec in specs.items()
    }
    if not _are_one_kind(tuple(promoted.values())):
        raise UnknownLayout("vLLM refuses this model without its hybrid KV cache manager")
    return promoted


def _unified(specs: Mapping[Name, Spec], release: str) -> Mapping[Name, Spec]:
    """Pages of one size: longer blocks where that comes out even, else padding."""
    largest = max(spec.page for spec in specs.values())
    return {name: _as_large(spec, largest, release) for name, spec in specs.items()}


def _as_large(spec: Spec, largest: int, release: str) -> Spec:
    if spec.page == largest:
        return spec
    if spec.kind is Kind.STATE:
        if numbers(release) >= _PADS_STATES:
            return replace(spec, padded=largest)
    elif largest % spec.page == 0:
        times = largest // spec.page
        return replace(spec, block=spec.block * times)
    elif numbers(release) >= _PADS and not spec.latent:
        return replace(spec, padded=largest)
    raise UnknownLayout(
        f"vLLM {release} cannot make the caches of this model's layers one size "
        f"({spec.page} and {largest} bytes a block)"
    )


def _by_page(specs: Mapping[Name, Spec], release: str) -> tuple[Group, ...]:
    alike: dict[Spec, list[Name]] = {}
    for name, spec in specs.items():
        alike.setdefault(spec, []).append(name)
    counts = [len(names) for names in alike.values()]
    tolerance = 1.5 if numbers(release) >= _WIDER else 1.25
    even = max(counts) < min(counts) * tolerance
    size = max(counts) if even and numbers(release) >= _EVEN else min(counts)
    made: list[Group] = []
    for spec, names in alike.items():
        parts = -(-len(names) // size)
        made.extend(Group(dict.fromkeys(names[part::parts], spec)) for part in range(parts))
    return tuple(made)
