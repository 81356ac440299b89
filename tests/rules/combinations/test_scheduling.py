"""Rules across the options of the scheduler: every branch, and where they keep silent."""

import pytest

from tests.rules.combinations.said import told

WHOLE = "enable-chunked-prefill: false"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("max-num-batched-tokens: 63", "max-num-seqs: 64"), ["batch-below-sequences"]),
        (("max-num-batched-tokens: 64", "max-num-seqs: 64"), []),
        (("max-num-batched-tokens: 1k", "max-num-seqs: 1001"), ["batch-below-sequences"]),
        (("max-num-batched-tokens: 1K", "max-num-seqs: 1001"), []),
        (("max-num-batched-tokens: 8",), []),
        (("max-num-batched-tokens: 8.5k", "max-num-seqs: 9000"), ["batch-below-sequences"]),
        (("max-num-batched-tokens: lots", "max-num-seqs: 64"), []),
        (("max-num-batched-tokens: 8", "max-num-seqs: [64]"), []),
        (("max-num-batched-tokens: 8191", "max-model-len: 8K", WHOLE), ["batch-below-length"]),
        (("max-num-batched-tokens: 8192", "max-model-len: 8K", WHOLE), []),
        (("max-num-batched-tokens: 2048", "max-model-len: 8K"), []),
        (("max-num-batched-tokens: 2048", "max-model-len: auto", WHOLE), []),
        (("max-num-batched-tokens: 2048", "max-model-len: -1", WHOLE), []),
        (("max-num-batched-tokens: 2048", WHOLE), []),
        (("max-num-seqs: 8", "max-num-active-seqs: 9"), ["active-sequences"]),
        (("max-num-seqs: 8", "max-num-active-seqs: 8"), []),
        (("max-num-active-seqs: 9999",), []),
        (("max-model-len: 8192", "long-prefill-token-threshold: 8193"), ["long-prefill-length"]),
        (("max-model-len: 8192", "long-prefill-token-threshold: 8192"), []),
        (("long-prefill-token-threshold: 8192",), []),
        (("long-prefill-token-threshold-adaptive: true",), ["long-prefill-adaptive"]),
        (("long-prefill-token-threshold-adaptive: true", "long-prefill-token-threshold: 1"), []),
        (("mamba-cache-mode: align", "disable-chunked-mm-input: true"), []),
        (("mamba-cache-mode: align", "disable-chunked-mm-input: true",
          "enable-prefix-caching: true"), ["aligned-mamba-input"]),
    ],
)  # fmt: skip
def test_batches(lines: tuple[str, ...], expected: list[str]) -> None:
    assert told(*lines) == expected


def test_partial_prefills_side_by_side() -> None:
    long = ("max-model-len: 8192", "long-prefill-token-threshold: 8193")
    several = "max-num-partial-prefills: 2"
    assert told(*long, release="0.26.0") == []
    assert told(*long, several, release="0.26.0") == ["long-prefill-length"]
    assert told(several, WHOLE, release="0.26.0") == ["partial-prefills-chunked"]
    assert told(several, release="0.26.0") == []
    assert told("max-num-partial-prefills: 1", WHOLE, release="0.26.0") == []
    assert told("max-long-partial-prefills: 2", release="0.26.0") == ["long-partial-prefills"]
    assert told("max-long-partial-prefills: 2", several, release="0.26.0") == []


def test_scheduling_ahead() -> None:
    ahead = "async-scheduling: true"
    ray = "distributed-executor-backend: ray"
    stages = "pipeline-parallel-size: 2"
    assert told(ahead, ray, release="0.19.1") == ["async-executor"]
    assert told(ahead, ray, release="0.20.2") == []  # a variable chooses Ray's executor
    assert told(ahead, "distributed-executor-backend: mp", release="0.19.1") == []
    assert told(ahead, stages, release="0.14.1") == ["async-pipeline"]
    assert told(ahead, stages, release="0.15.1") == []
    assert told(stages, release="0.14.1") == []
    assert told(ahead, "pipeline-parallel-size: 1", release="0.14.1") == []


def test_the_hybrid_manager_and_events() -> None:
    events = "kv-events-config: {enable_kv_cache_events: true}"
    wanted = "disable-hybrid-kv-cache-manager: false"
    assert told(events, wanted, release="0.12.0") == []
    assert told(events, wanted, release="0.19.1") == ["hybrid-cache-events"]
    assert told(events, "disable-hybrid-kv-cache-manager: true", release="0.19.1") == []
    assert told(events, wanted) == []
