"""Which layers share a table of blocks, and what that costs a rank."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.kv_cache import UnknownLayout, kv_layout
from mixvllm.vllm.memory.kv_groups import groups
from mixvllm.vllm.memory.kv_spec import Kind, Name, Spec
from tests.vllm.memory.models import Values, config_of

FULL = Spec(Kind.FULL, 16, 1024)
SLIDING = Spec(Kind.SLIDING, 16, 1024, reach=512, window=128)
STATE = Spec(Kind.STATE, 16, 16384, reach=1)
NOW = Deployment("0.32.0", max_model_len=8192, max_num_batched_tokens=8192)


def model(*specs: Spec) -> Mapping[Name, Spec]:
    return {(place, 0): spec for place, spec in enumerate(specs)}


def sizes(specs: Mapping[Name, Spec], release: str = "0.32.0") -> list[int]:
    return [len(group.members) for group in groups(specs, release, hybrid=True)]


def test_one_kind_is_one_group() -> None:
    assert sizes(model(FULL, FULL, replace(FULL, unit=512))) == [3]
    assert sizes(model(SLIDING, SLIDING)) == [2]
    assert sizes({}) == []


def test_the_rarest_kind_gives_the_size_of_a_group() -> None:
    assert sizes(model(FULL, *[SLIDING] * 5, FULL, *[SLIDING] * 4)) == [2, 2, 2, 2, 2, 1]


@pytest.mark.parametrize(("release", "found"), [("0.17.1", [3, 2, 2]), ("0.18.0", [3, 4])])
def test_a_few_more_of_a_kind_are_padding_not_a_group(release: str, found: list[int]) -> None:
    """Up to a quarter more before 0.18, up to a half from then on."""
    assert sizes(model(*[FULL] * 3, *[SLIDING] * 4), release) == found


@pytest.mark.parametrize(("release", "found"), [("0.10.2", [5, 3, 3]), ("0.12.0", [5, 6])])
def test_the_first_groups_had_no_padding(release: str, found: list[int]) -> None:
    assert sizes(model(*[FULL] * 5, *[SLIDING] * 6), release) == found


def test_before_there_were_groups_nothing_is_known_of_several_kinds() -> None:
    assert sizes(model(FULL, FULL), "0.9.2") == [2]
    with pytest.raises(UnknownLayout, match=r"0\.9\.2"):
        sizes(model(FULL, SLIDING), "0.9.2")


def test_a_group_takes_layers_from_the_whole_depth() -> None:
    """So that every stage of a pipeline has its part of each."""
    (_, first, second) = groups(model(FULL, FULL, *[SLIDING] * 4), "0.32.0", hybrid=True)
    assert list(first.members) == [(2, 0), (4, 0)]
    assert list(second.members) == [(3, 0), (5, 0)]


def test_smaller_pages_become_longer_blocks() -> None:
    wide = replace(FULL, unit=4096)
    made = groups(model(wide, SLIDING), "0.32.0", hybrid=True)
    assert [(group.block, group.page(frozenset(group.members))) for group in made] == [
        (16, 65536),
        (64, 65536),
    ]


def test_pages_that_do_not_divide_are_padded_since_0_24() -> None:
    odd = replace(SLIDING, unit=1000)
    (_, group) = groups(model(FULL, odd), "0.24.0", hybrid=True)
    assert (group.block, group.page(frozenset(group.members))) == (16, 16384)
    with pytest.raises(UnknownLayout, match=r"0\.23\.0"):
        groups(model(FULL, odd), "0.23.0", hybrid=True)
    with pytest.raises(UnknownLayout):
        groups(model(replace(FULL, unit=1500), replace(odd, latent=True)), "0.32.0", hybrid=True)


def test_states_are_padded_to_a_wider_draft_since_0_26() -> None:
    wide = replace(FULL, unit=1500)
    assert len(groups(model(wide, STATE), "0.26.0", hybrid=True)) == 2
    with pytest.raises(UnknownLayout):
        groups(model(wide, STATE), "0.25.1", hybrid=True)


def test_a_request_takes_what_its_kind_holds() -> None:
    assert [FULL.blocks(length) for length in (1, 16, 17, 1000)] == [1, 1, 2, 63]
    assert replace(FULL, shards=4).blocks(1000) == 16
    assert [SLIDING.blocks(length) for length in (1, 512, 100_000)] == [2, 33, 33]
    assert replace(SLIDING, kind=Kind.CHUNKED).blocks(100_000) == 32
    assert replace(SLIDING, kind=Kind.CROSS).blocks(1) == 32
    assert STATE.blocks(100_000) == 1
    assert replace(STATE, every_block=True).blocks(100) == 7 + 1


@pytest.mark.parametrize(("release", "layers"), [("0.16.0", 32), ("0.17.0", 16)])
def test_a_refusal_counted_the_layers_of_all_stages_before_0_17(release: str, layers: int) -> None:
    plan = replace(NOW, release=release, pipeline_parallel=2)
    found = kv_layout(config_of("Llama-3.1-8B"), plan)
    assert found.needed(8192) == layers * 8 * 256 * 2 * 8192
    assert found.block_bytes == 16 * 8 * 256 * 2 * 16


@pytest.mark.parametrize(("release", "layers"), [("0.13.0", 48), ("0.14.0", 12)])
def test_chunked_layers_have_blocks_of_their_own_since_0_14(release: str, layers: int) -> None:
    found = kv_layout(config_of("Llama-4-Scout"), replace(NOW, release=release))
    assert found.bytes_per_token == layers * 8 * 256 * 2


@pytest.mark.parametrize(("release", "block"), [("0.26.0", 1920), ("0.27.0", 1920)])
def test_blocks_of_a_latent_hybrid(release: str, block: int) -> None:
    plan = replace(NOW, release=release, prefix_caching=False, tensor_parallel=1)
    assert kv_layout(config_of("Kimi-Linear-48B"), plan).groups[0].block == block
    halved = replace(plan, tensor_parallel=2)  # 15 times 64, 8 times 128
    expected = 960 if release == "0.26.0" else 1024
    assert kv_layout(config_of("Kimi-Linear-48B"), halved).groups[0].block == expected


@pytest.mark.parametrize(("release", "frames"), [("0.12.0", 1500), ("0.13.0", 8192)])
def test_what_an_encoder_fills(release: str, frames: int) -> None:
    """The frames of a recording at first, a whole batch since."""
    plan = replace(NOW, release=release, max_model_len=448)
    found = kv_layout(config_of("whisper-large-v3"), plan)
    assert found.blocks_of(448) == 448 // 16 + -(-frames // 16)


@pytest.mark.parametrize(("release", "window"), [("0.28.0", 4096), ("0.29.0", 4097)])
def test_a_cohere_sees_itself_beside_its_window(release: str, window: int) -> None:
    plan = replace(NOW, release=release, max_model_len=132096, async_scheduling=False)
    sliding = {
        spec.reach for spec in kv_layout(config_of("c4ai-command-r7b"), plan).own if spec.reach
    }
    assert sliding == {window - 1 + 8192}


def test_turboquants_blocks_are_as_long_as_makes_up_for_the_spared_layers() -> None:
    for release, block in (("0.24.0", 16), ("0.25.0", 32)):
        plan = replace(NOW, release=release, kv_cache_dtype="turboquant_4bit_nc")
        assert kv_layout(config_of("Qwen3-8B"), plan).groups[0].block == block


@pytest.mark.parametrize(
    ("keys", "indexed"),
    [
        ({}, 78),
        ({"index_topk_freq": 4}, 21),  # the first two, then every fourth
        ({"index_topk_pattern": "FS" * 39}, 39),
        ({"index_topk_pattern": ["F"] * 78}, 78),
    ],
)
def test_some_layers_take_the_choice_of_another(keys: Values, indexed: int) -> None:
    config = config_of("GLM-5.1")
    shared = replace(config, values={**config.values, **keys})
    found = kv_layout(shared, NOW).bytes_per_token
    assert found == 78 * 1152 + indexed * 132
