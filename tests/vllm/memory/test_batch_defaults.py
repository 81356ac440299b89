"""The batch of each release on each card."""

import pytest

from mixvllm.vllm.memory.batch_defaults import BatchDefaults, batch_defaults, resolve_batch

GIB = 2**30
SMALL, LARGE, HUGE = (256, 2048), (1024, 8192), (1024, 16384)


@pytest.mark.parametrize(
    ("release", "total", "name", "capability", "expected"),
    [
        ("0.32.0", 80, "NVIDIA H100 80GB HBM3", (9, 0), LARGE),
        ("0.32.0", 80, "NVIDIA A100-SXM4-80GB", (8, 0), SMALL),
        ("0.32.0", 45, "NVIDIA L40S", (8, 9), SMALL),
        ("0.32.0", 16, "Tesla T4", (7, 5), SMALL),
        ("0.32.0", 140, "NVIDIA H200", (9, 0), LARGE),
        ("0.27.1", 180, "NVIDIA B200", (10, 0), LARGE),
        ("0.28.0", 180, "NVIDIA B200", (10, 0), HUGE),
        ("0.32.0", 180, "NVIDIA B200", (10, 0), HUGE),
        ("0.32.0", 128, "NVIDIA GB10", (12, 1), LARGE),
        ("0.33.0", 128, "NVIDIA GB10", (12, 1), SMALL),
        ("0.12.0", 80, "NVIDIA H100 80GB HBM3", (9, 0), LARGE),
        ("0.7.3", 80, "NVIDIA H100 80GB HBM3", (9, 0), SMALL),
        ("0.32.0", None, "", None, SMALL),
    ],
)
def test_a_card_decides(
    release: str,
    total: int | None,
    name: str,
    capability: tuple[int, int] | None,
    expected: tuple[int, int],
) -> None:
    card_total = None if total is None else total * GIB
    found = batch_defaults(
        release, card_total=card_total, card_name=name, compute_capability=capability
    )
    assert found == expected


def test_on_the_cpu_it_grows_with_the_ranks() -> None:
    one = batch_defaults("0.32.0", card_total=None, card_name="", device="cpu")
    four = batch_defaults("0.32.0", card_total=None, card_name="", device="cpu", ranks=4)
    assert (one, four) == ((128, 2048), (512, 8192))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, (256, 2048)),
        ({"max_num_seqs": 4}, (4, 2048)),
        ({"max_num_batched_tokens": 100}, (100, 100)),  # no more requests than tokens
        ({"max_num_seqs": 4, "max_model_len": 100}, (4, 400)),
        ({"max_model_len": 40_960, "chunked_prefill": False}, (256, 40_960)),
        ({"throughput": True}, (512, 4096)),
        ({"throughput": True, "max_num_seqs": 8}, (8, 4096)),
        ({"max_num_seqs": 8, "max_num_batched_tokens": 4}, (8, 4)),  # vLLM refuses it later
    ],
)
def test_what_is_asked_and_what_follows(asked: dict[str, int], expected: tuple[int, int]) -> None:
    known: dict[str, int | None] = {
        "max_num_seqs": None, "max_num_batched_tokens": None, "max_model_len": None,
    }  # fmt: skip
    found = resolve_batch("0.32.0", BatchDefaults(256, 2048), **(known | asked))  # type: ignore[arg-type]
    assert found == expected


def test_no_release_before_0_17_doubles_for_throughput() -> None:
    found = resolve_batch(
        "0.16.0",
        BatchDefaults(256, 2048),
        max_num_seqs=None,
        max_num_batched_tokens=None,
        max_model_len=None,
        throughput=True,
    )
    assert found == (256, 2048)


@pytest.mark.parametrize(("length", "tokens"), [(1024, 2048), (29000, 29000), (131072, 2048)])
def test_the_first_engine_took_a_whole_prompt_unless_it_was_long(length: int, tokens: int) -> None:
    for release, expected in (("0.7.3", tokens), ("0.8.0", 2048)):
        found = resolve_batch(
            release, BatchDefaults(256, 2048),
            max_num_seqs=None, max_num_batched_tokens=None, max_model_len=length,
        )  # fmt: skip
        assert found == (256, expected)
