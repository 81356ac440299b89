"""The best groups of cards, against all groups judged one by one."""

from itertools import combinations
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixvllm.gpu.inventory import Gpu, GpuInventory, GpuLink
from mixvllm.gpu.topology import Way, best_groups, models, side_by_side, ways_of


def box(
    *nodes: int | None,
    links: tuple[GpuLink, ...] | None = None,
    names: tuple[str | None, ...] | None = None,
) -> GpuInventory:
    """Cards on these NUMA nodes."""
    named = names or ("H100",) * len(nodes)
    gpus = tuple(Gpu(i, name=named[i], numa_node=node) for i, node in enumerate(nodes))
    return GpuInventory(None, None, gpus, (), links)


def pairs_of_nvlink() -> GpuInventory:
    """0-2 and 1-3 have bridges; 0, 1 hang on one switch, 2, 3 on another socket."""
    near = {(0, 2): ("SYS", 4), (1, 3): ("SYS", 4), (0, 1): ("PIX", 0), (2, 3): ("PIX", 0)}
    links = tuple(
        GpuLink(one, other, *near.get((one, other), ("SYS", 0)), peer_access=True)
        for one, other in combinations(range(4), 2)
    )
    return box(0, 0, 1, 1, links=links)


def indices(
    inventory: GpuInventory, size: int, among: range | None = None
) -> list[tuple[int, ...]]:
    found = best_groups(inventory, size, among or range(len(inventory.gpus)))
    return [group.indices for group in found]


def test_nvlink_comes_before_a_near_switch() -> None:
    assert indices(pairs_of_nvlink(), 2) == [(0, 2), (1, 3), (0, 1), (2, 3), (0, 3), (1, 2)]
    (best, *_) = best_groups(pairs_of_nvlink(), 2, range(4))
    assert best.words == "NVLink, 4 links"
    assert best.weakest == Way("NV4", 4)


def test_only_cards_that_may_be_taken() -> None:
    assert indices(pairs_of_nvlink(), 2, range(1, 3)) == [(1, 2)]
    assert indices(pairs_of_nvlink(), 3, range(2)) == []
    assert indices(box(), 1) == []


def test_more_links_are_better_than_fewer() -> None:
    links = (GpuLink(0, 1, "SYS", 1), GpuLink(0, 2, "SYS", 2), GpuLink(1, 2, "SYS", 1))
    assert indices(box(0, 0, 0, links=links), 2) == [(0, 2), (0, 1), (1, 2)]


def test_without_links_the_numa_node_decides() -> None:
    assert indices(box(0, 1, 0, 1), 2) == [(0, 2), (1, 3), (0, 1), (0, 3), (1, 2), (2, 3)]
    assert best_groups(box(0, 1), 2, range(2))[0].words == "across two sockets"
    assert best_groups(box(None, 1), 2, range(2))[0].words == "by a way that is not known"


def test_a_way_without_peer_access_is_the_last() -> None:
    links = (
        GpuLink(0, 1, "PIX", 0, peer_access=False),
        GpuLink(0, 2, "SYS", 0, peer_access=True),
        GpuLink(1, 2, "SYS", 0, peer_access=True),
    )
    found = best_groups(box(0, 0, 0, links=links), 2, range(3))
    assert [group.indices for group in found] == [(0, 2), (1, 2), (0, 1)]
    assert found[-1].words == "through one PCIe switch, without peer access"


def test_models_are_not_mixed() -> None:
    mixed = box(0, 0, 0, 0, names=("H100", "L40S", "H100", "L40S"))
    assert indices(mixed, 2) == [(0, 2), (1, 3)]
    assert indices(mixed, 3) == []
    assert models(mixed, range(4)) == [(0, 2), (1, 3)]


def test_one_card_is_a_group_without_a_way() -> None:
    (first, second) = best_groups(box(0, 1), 1, range(2))
    assert (first.indices, first.words, second.indices) == ((0,), "", (1,))


def test_groups_side_by_side_share_no_card() -> None:
    found = side_by_side(pairs_of_nvlink(), 2, range(4))
    assert [group.indices for group in found] == [(0, 2), (1, 3)]
    assert [group.indices for group in side_by_side(box(0, 0, 0), 2, range(3))] == [(0, 1)]


@st.composite
def machines(draw: st.DrawFn) -> GpuInventory:
    count = draw(st.integers(1, 6))
    nodes = draw(st.lists(st.sampled_from([None, 0, 1]), min_size=count, max_size=count))
    links = tuple(
        GpuLink(
            one,
            other,
            draw(st.sampled_from([None, "PIX", "PXB", "PHB", "NODE", "SYS"])),
            draw(st.sampled_from([None, 0, 1, 18])),
            draw(st.sampled_from([None, True, False])),
        )
        for one, other in combinations(range(count), 2)
        if draw(st.booleans())
    )
    return box(*nodes, links=links)


@settings(max_examples=200, deadline=None)
@given(machines(), st.integers(1, 4))
def test_no_group_is_better_than_the_first(inventory: GpuInventory, size: int) -> None:
    ways = ways_of(inventory)
    found = best_groups(inventory, size, range(len(inventory.gpus)))
    assert {group.indices for group in found} == set(combinations(range(len(inventory.gpus)), size))
    assert [g.score for g in found] == sorted((g.score for g in found), reverse=True)
    for group in found:
        strengths = [ways[pair].strength for pair in combinations(group.indices, 2)]
        if strengths:
            assert group.weakest is not None
            assert group.weakest.strength == min(strengths)


@pytest.mark.parametrize(("size", "groups"), [(8, 12_870), (16, 1)])
def test_sixteen_cards_take_no_time(size: int, groups: int) -> None:
    links = tuple(
        GpuLink(
            one, other, "NODE" if one // 8 == other // 8 else "SYS", 18 * (one // 4 == other // 4)
        )
        for one, other in combinations(range(16), 2)
    )
    inventory = box(*(0,) * 8, *(1,) * 8, links=links)
    began = perf_counter()
    found = best_groups(inventory, size, range(16))
    assert perf_counter() - began < 2  # 0.06 s on an idle machine
    assert len(found) == groups
    assert found[0].indices == tuple(range(size))
