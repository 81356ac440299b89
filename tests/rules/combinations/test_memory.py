"""Rules across the options of memory: every branch, and where they keep silent."""

import pytest

from tests.rules.checking import args, checked
from tests.rules.combinations.said import told

NIXL = "kv-transfer-config: {kv_connector: NixlConnector, kv_role: kv_both}"
SPARSE = "kv-transfer-config: {kv_connector: HiSparseConnector, kv_role: kv_both}"
REPLAY = ("use-replayssm: true", "enable-prefix-caching: false", "mamba-backend: flashinfer")


def transfer(connector: str, extra: str) -> str:
    """A connector with its extra configuration."""
    keys = f"kv_connector: {connector}, kv_role: kv_both, kv_connector_extra_config: {extra}"
    return f"kv-transfer-config: {{{keys}}}"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("offload-backend: prefetch",), ["prefetch-group"]),
        (("offload-backend: prefetch", "offload-group-size: 1"), []),
        (("offload-backend: uva",), []),
        (("offload-group-size: 2", "offload-num-in-group: 3"), ["offload-group"]),
        (("offload-group-size: 2", "offload-num-in-group: 2"), []),
        (("offload-group-size: 0", "offload-num-in-group: 2"), ["offload-unused"]),
        (("offload-group-size: 2", "offload-prefetch-step: 0"), ["prefetch-step"]),
        (("offload-group-size: 2", "offload-prefetch-step: 1"), []),
        (("offload-prefetch-step: 0",), []),
        (("cpu-offload-gb: 1", "offload-group-size: 2"), ["offload-one-way"]),
        (("cpu-offload-gb: 0", "offload-group-size: 2"), []),
        (("cpu-offload-gb: 1", "offload-group-size: 2", "offload-backend: uva"),
         ["offload-one-way"]),
        (("cpu-offload-gb: 1", "offload-group-size: 2", "offload-backend: prefetch"),
         ["offload-one-way"]),
        (("cpu-offload-gb: 0.5",), []),
        (("cpu-offload-params: [experts]",), ["offload-unused"]),
        (("cpu-offload-params: [experts]", "cpu-offload-gb: 0.5"), []),
        (("offload-params: [experts]", "offload-num-in-group: 2"),
         ["offload-unused", "offload-unused"]),
        (("offload-params: [experts]", "offload-group-size: 2"), []),
    ],
)  # fmt: skip
def test_offloaded_weights(lines: tuple[str, ...], expected: list[str]) -> None:
    assert told(*lines) == expected


def test_which_of_two_ways_is_passed_over() -> None:
    both = ("cpu-offload-gb: 1", "offload-group-size: 2")
    for backend, loser in (
        ("auto", "cpu-offload-gb"),
        ("uva", "offload-group-size"),
        ("prefetch", "cpu-offload-gb"),
    ):
        (found,) = checked(args(*both, f"offload-backend: {backend}")).diagnostics
        assert found.key[-1] == loser


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("kv-cache-memory-bytes: 8G", "gpu-memory-utilization: 0.9"), ["cache-bytes"]),
        (("kv-cache-memory-bytes: 8G",), []),
        (("kv-offloading-backend: native",), ["offloading-backend"]),
        (("kv-offloading-backend: native", "kv-offloading-size: 1"), []),
        ((NIXL,), []),
        ((NIXL, "kv-offloading-size: 1"), ["offloading-connector"]),
        ((transfer("OffloadingConnector", "{}"), "kv-offloading-size: 1"), []),
        ((transfer("OffloadingConnector", "{}"),), ["offloading-bytes"]),
        ((transfer("OffloadingConnector", "{cpu_bytes_to_use: 0}"),), ["offloading-bytes"]),
        ((transfer("OffloadingConnector", "{cpu_bytes_to_use: 1000000000}"),), []),
        ((transfer("OffloadingConnector", "{spec_name: MySpec}"),), []),
        ((transfer("MultiConnector", "{}"),), ["child-connectors"]),
        ((transfer("MultiConnector", "{connectors: []}"),), []),
        (("kv-transfer-config: {kv_connector: A}",), ["kv-role"]),
        (("kv-transfer-config: '{\"kv_connector\": \"A\"}'",), ["kv-role"]),
        (("kv-transfer-config: {kv_connector: A, kv_role: null}",), ["kv-role"]),
        (("kv-transfer-config: {kv_role: kv_both}",), ["kv-connector"]),
        (("kv-transfer-config: {}",), ["kv-connector"]),
        (("kv-transfer-config: {kv_role: kv_both}", "kv-offloading-size: 1"), []),
        (("kv-transfer-config: no",), []),
        (("kv-transfer-config: '{'",), []),
        (("ec-transfer-config: {ec_connector: A}",), ["ec-role"]),
        (("ec-transfer-config: {ec_role: ec_consumer}",), ["ec-connector"]),
        (("ec-transfer-config: {ec_connector: A, ec_role: ec_consumer}",), []),
        (("kv-events-config: {publisher: zmq}",), ["cache-events-off"]),
        (("kv-events-config: {publisher: 'null'}",), []),
        (("kv-events-config: {enable_kv_cache_events: true}",), []),
        (("kv-events-config: {enable_kv_cache_events: true}", "enable-prefix-caching: false"),
         ["cache-events-prefix"]),
        (("kv-events-config: {enable_kv_cache_events: false}", "enable-prefix-caching: false"), []),
        ((NIXL, "tensor-parallel-size: 8", "decode-context-parallel-size: 4"), ["nixl-context"]),
        ((NIXL, "tensor-parallel-size: 8", "decode-context-parallel-size: 8"), []),
        ((NIXL, "tensor-parallel-size: 8", "decode-context-parallel-size: 3"),
         ["decode-context-size"]),
        ((NIXL, "tensor-parallel-size: 2", "prefill-context-parallel-size: 4",
          "decode-context-parallel-size: 8"), ["nixl-context"]),
        ((NIXL, "tensor-parallel-size: 2", "prefill-context-parallel-size: 4",
          "decode-context-parallel-size: 4"), []),
        ((NIXL, "tensor-parallel-size: 8", "decode-context-parallel-size: 1"), []),
        ((NIXL, "enable-return-routed-experts: true"), ["routed-experts-connector"]),
        ((SPARSE, "enable-return-routed-experts: true"), []),
        ((SPARSE, "pipeline-parallel-size: 2"), ["sparse-context-pipeline"]),
        (("attention-config: {hisparse_config: {}}", "tensor-parallel-size: 2",
          "decode-context-parallel-size: 2"), ["sparse-context-pipeline"]),
        ((SPARSE, "pipeline-parallel-size: 1"), []),
        ((SPARSE, "scheduler-reserve-full-isl: false", "disable-hybrid-kv-cache-manager: true"),
         ["sparse-admission", "sparse-admission"]),
        ((NIXL, "scheduler-reserve-full-isl: false", "disable-hybrid-kv-cache-manager: true"), []),
    ],
)  # fmt: skip
def test_the_kv_cache(lines: tuple[str, ...], expected: list[str]) -> None:
    assert told(*lines) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("mamba-block-size: 1024", "enable-prefix-caching: false"), []),  # may be the model's
        (("mamba-block-size: 1024", "enable-prefix-caching: false", "max-model-len: 1024"), []),
        (("mamba-block-size: 1024", "enable-prefix-caching: false", "max-model-len: 2048"),
         ["mamba-block-prefix"]),
        (("mamba-block-size: 1024", "max-model-len: 2048"), []),
        (REPLAY, []),
        ((*REPLAY, "kv-offloading-size: 1"), ["replay-connector"]),
        ((*REPLAY, NIXL), ["replay-connector"]),
        ((*REPLAY, "replayssm-buffer-len: 17"), ["replay-buffer"]),
        ((*REPLAY, "replayssm-buffer-len: 16"), []),
        (("use-replayssm: true", "mamba-backend: triton", "replayssm-buffer-len: 17"), []),
        (("engram-config: {cpu_offload: false, dp_shared_memory: true}", "data-parallel-size: 2"),
         ["engram-shared-memory"]),
        (("engram-config: {cpu_offload: true, dp_shared_memory: true}", "data-parallel-size: 2"),
         []),
        (("engram-config: {dp_shared_memory: true}",), ["engram-ranks"]),
        (("engram-config: {use_thp: true, cpu_offload: false}",), ["engram-huge-pages"]),
        (("engram-config: {use_thp: true, dp_shared_memory: true}", "data-parallel-size: 2"),
         ["engram-huge-pages"]),
        (("engram-config: {use_thp: true}",), []),
    ],
)  # fmt: skip
def test_mamba_states_and_engram_tables(lines: tuple[str, ...], expected: list[str]) -> None:
    assert told(*lines) == expected


def test_blocks_that_are_sent_must_not_move() -> None:
    segments = "PYTORCH_CUDA_ALLOC_CONF: max_split_size_mb:64,expandable_segments:True"
    assert told(NIXL, env=segments) == ["expandable-segments"]
    assert told(NIXL, "enable-sleep-mode: true", env=segments) == []
    assert told(NIXL, "enable-cumem-allocator: true", env=segments) == []
    assert told(NIXL, env="PYTORCH_CUDA_ALLOC_CONF: expandable_segments:False") == []
    assert told("max-num-seqs: 8", env=segments) == []
    assert told(NIXL, env=segments, release="0.20.2") == []


def test_the_size_of_an_offloading_in_older_releases() -> None:
    assert told("kv-offloading-backend: native", release="0.13.0") == ["offloading-size"]
    assert told("kv-offloading-backend: native", release="0.14.1") == ["offloading-backend"]
    assert told(NIXL, "kv-offloading-size: 1", release="0.13.0") == []
