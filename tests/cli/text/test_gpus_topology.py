"""The matrix and its advice."""

from dataclasses import replace
from itertools import combinations

import pytest

from mixvllm.cli.text.cells import cells
from mixvllm.cli.text.gpus_topology import topology_lines
from mixvllm.core.diagnostic import Severity
from mixvllm.gpu.device_names import runs
from mixvllm.gpu.inventory import GpuInventory, GpuLink, Problem
from mixvllm.gpu.visible import visible_cards
from tests.cli.text.inventories import card, inventory, texts


def box(count: int, *, nvlinks: int = 0, peer: bool = True) -> GpuInventory:
    """Cards on two sockets, in quads with NVLink."""
    links = tuple(
        GpuLink(one, other, "NODE" if one // 4 == other // 4 else "SYS",
                nvlinks * (one // 4 == other // 4), peer)
        for one, other in combinations(range(count), 2)
    )  # fmt: skip
    return inventory(*(card(i, numa_node=i // 4) for i in range(count)), links=links)


def test_quads_with_nvlink() -> None:
    lines = texts(topology_lines(box(8, nvlinks=12), width=80))
    assert lines[0] == " card   NUMA     0     1     2     3     4     5     6     7"
    assert lines[1] == " 0         0     ·  NV12  NV12  NV12   SYS   SYS   SYS   SYS"
    assert lines[10:] == [
        " NV12: NVLink, 12 links; SYS: across two sockets",
        "",
        "tensor parallelism of 2: cards 0-1 | 2-3 | 4-5 | 6-7 (NVLink, 12 links)",
        "tensor parallelism of 4: cards 0-3 | 4-7 (NVLink, 12 links)",
        "tensor parallelism of 8: cards 0-7 (across two sockets)",
        "avoid a group with cards of both 0-3 and 4-7: across two sockets",
    ]


def test_cards_without_peer_access() -> None:
    lines = texts(topology_lines(box(2, peer=False), width=100))
    assert lines[-2:] == [
        "tensor parallelism of 2: cards 0-1"
        " (across host bridges of one NUMA node, without peer access)",
        "no card may read another's memory (peer access): all goes through the host",
    ]


def test_cards_that_are_no_target_are_not_counted() -> None:
    taken = box(4, nvlinks=4)
    ill = Problem("xid", "card 1: XID 79", "reset", 1, Severity.ERROR)
    cut = replace(taken.gpus[2], mig_enabled=True)
    taken = replace(taken, gpus=(*taken.gpus[:2], cut, taken.gpus[3]), problems=(ill,))
    lines = texts(topology_lines(taken, width=80))
    assert "tensor parallelism of 2: cards 0, 3 (NVLink, 4 links)" in lines
    assert "not counted: card 1, see `mixvllm gpus`" in lines


def test_models_are_not_to_be_mixed() -> None:
    taken = inventory(card(0), card(1, name="NVIDIA L4"), card(2))
    assert texts(topology_lines(taken, width=80))[-1] == (
        "never mix models: 0, 2 NVIDIA H100 80GB HBM3; 1 NVIDIA L4"
    )


def test_the_numbers_of_cuda() -> None:
    taken = box(2)
    visible = visible_cards(taken, {"CUDA_VISIBLE_DEVICES": "1"})
    lines = texts(topology_lines(taken, width=80, visible=visible))
    assert lines[0].split() == ["card", "NUMA", "cuda", "0", "1"]
    assert [line.split()[2] for line in lines[1:3]] == ["-", "0"]


@pytest.mark.parametrize("width", [40, 50, 80])
def test_sixteen_cards_in_as_many_blocks_as_it_takes(width: int) -> None:
    lines = texts(topology_lines(box(16, nvlinks=18), width=width))
    assert max(map(cells, lines)) <= width
    heads = [name for line in lines if line.startswith(" card") for name in line.split()[1:]]
    assert heads == ["NUMA", *map(str, range(16))]


def test_one_card_has_no_advice() -> None:
    assert texts(topology_lines(inventory(card(0)), width=80))[:2] == [
        " card   NUMA  0",
        " 0         -  ·",
    ]


def test_runs() -> None:
    assert runs([3, 0, 2]) == "0, 2-3"
    assert runs([]) == ""
