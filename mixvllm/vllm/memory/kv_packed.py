"""Which layers share a table of blocks where the caches of one layer differ in size.

Caches that need blocks for the same tokens are a bucket. A bucket in which each size of page
occurs equally often can be dealt out into groups; into how many, the largest such bucket with
several sizes decides. Pages of a group lie side by side in a block. vLLM 0.32.0,
`v1/core/kv_cache_utils.py` (_get_packed_kv_cache_groups); 0.33.0, `kv_cache_planning.py`.
"""

from collections.abc import Iterator, Mapping, Sequence

from mixvllm.vllm.memory.kv_spec import Kind, Name, Spec
from mixvllm.vllm.memory.unknown import UnknownLayout


def packed_groups(specs: Mapping[Name, Spec]) -> Iterator[dict[Name, Spec]]:
    """The members of each group. Raises UnknownLayout."""
    buckets: dict[tuple[Kind, int, int], dict[int, list[Name]]] = {}
    for name, spec in specs.items():
        pages = buckets.setdefault((spec.kind, spec.block, spec.window), {})
        pages.setdefault(spec.page, []).append(name)
    most = [max(map(len, pages.values())) for pages in buckets.values() if _is_even(pages)]
    mixed = [
        max(map(len, pages.values()))
        for pages in buckets.values()
        if _is_even(pages) and len(pages) > 1
    ]
    if not mixed:
        raise UnknownLayout("how vLLM groups these layers is not known")
    repeats = _least_padding(most, at_least=max(mixed))
    for pages in buckets.values():
        count = -(-max(map(len, pages.values())) // repeats) if _is_even(pages) else 1
        columns = [list(names) for names in pages.values()]
        for part in range(count):
            members = (name for names in columns for name in names[part::count])
            yield {name: specs[name] for name in members}


def _is_even(pages: Mapping[int, Sequence[Name]]) -> bool:
    return len({len(names) for names in pages.values()}) == 1


def _least_padding(counts: Sequence[int], *, at_least: int) -> int:
    """The size by which counts are rounded up the least; the larger of two that are alike."""
    sizes = range(at_least, max(counts) + 1)
    return min(sizes, key=lambda size: (sum(-count % size for count in counts), -size))
