"""Rules across the options of parallelism: every branch, and where they keep silent."""

import pytest

from tests.rules.checking import args, checked
from tests.rules.combinations.said import told

TWO = "data-parallel-size: 2"
FOUR = "data-parallel-size: 4"
HALF = "data-parallel-size-local: 2"
HYBRID = "data-parallel-hybrid-lb: true"
OUTSIDE = "data-parallel-external-lb: true"
PORTS = "data-parallel-multi-port-external-lb: true"
NODES = "nnodes: 2"
EXPERTS = "enable-expert-parallel: true"
ELASTIC = (TWO, EXPERTS, "enable-eplb: true", "enable-elastic-ep: true")
DBO = ("all2all-backend: deepep_low_latency", "enable-dbo: true")
SHARDED = ("enable-batch-sharded-sampling: true", "tensor-parallel-size: 4")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((FOUR, "data-parallel-rank: 3"), []),
        ((FOUR, "data-parallel-rank: 4"), ["rank-beyond-size"]),
        ((FOUR, "data-parallel-rank: 4", NODES), ["rank-beyond-size"]),
        ((FOUR, "data-parallel-rank: 4", "nnodes: 4", OUTSIDE), []),  # older releases infer it
        ((FOUR, HALF, "data-parallel-start-rank: 3"), []),
        ((FOUR, HALF, "data-parallel-start-rank: 4"), ["rank-beyond-size"]),
        (("data-parallel-rank: 0",), ["rank-without-size"]),
        (("data-parallel-rank: 0", TWO), []),
        (("data-parallel-rank: 1", "data-parallel-size: 1"), ["rank-without-size"]),
        (("data-parallel-size-local: 1", HYBRID), ["rank-without-size"]),
        (("data-parallel-size-local: 1", "data-parallel-start-rank: 1"), ["rank-without-size"]),
        (("data-parallel-size-local: 1", "data-parallel-start-rank: 0"), []),
        (("data-parallel-size-local: 1", "data-parallel-start-rank: 1", "headless: true"), []),
        (("data-parallel-rank: 0", PORTS), ["multi-port-alone", "multi-port-ranks"]),
        (("data-parallel-size-local: 2",), ["local-ranks"]),
        (("data-parallel-size-local: 3", TWO), ["local-ranks"]),
        (("data-parallel-size-local: 2", TWO), []),
        (("data-parallel-size-local: 1",), []),
        (('data-parallel-size-local: "2"',), []),  # MX223 speaks
        ((TWO, OUTSIDE), ["external-rank"]),
        ((TWO, OUTSIDE, NODES), []),
        ((OUTSIDE, NODES, "tensor-parallel-size: 2"), ["external-rank"]),
        ((TWO, OUTSIDE, "data-parallel-rank: 1"), []),
        ((FOUR, OUTSIDE, NODES), ["external-nodes"]),
        ((FOUR, OUTSIDE, NODES, "data-parallel-rank: 1"), []),
        ((TWO, OUTSIDE, "nnodes: 4", "tensor-parallel-size: 4"), []),
        ((FOUR, HALF, "data-parallel-rank: 1"), ["external-local-size"]),
        ((FOUR, HALF, OUTSIDE, "nnodes: 4"), ["external-local-size"]),
        ((FOUR, "data-parallel-rank: 1", "data-parallel-size-local: 1"), []),
        ((FOUR, HYBRID), ["hybrid-local-size"]),
        ((FOUR, HYBRID, NODES), []),
        ((FOUR, HYBRID, HALF), []),
        ((FOUR, HYBRID, HALF, "headless: true"), ["hybrid-headless"]),
        ((TWO, HYBRID, "data-parallel-size-local: 1"), ["hybrid-one-rank"]),
        ((FOUR, "data-parallel-start-rank: 2"), ["start-rank-alone"]),
        ((FOUR, "data-parallel-start-rank: 0"), []),
        ((FOUR, "data-parallel-start-rank: 2", NODES), []),
        ((FOUR, "data-parallel-start-rank: 2", HALF), []),
        ((FOUR, "data-parallel-rank: 2", "data-parallel-start-rank: 2"), ["implied-load-balancer"]),
        ((FOUR, "data-parallel-rank: 2", HYBRID), ["implied-load-balancer"]),
        ((FOUR, "data-parallel-rank: 2", HYBRID, OUTSIDE),
         ["implied-load-balancer", "one-load-balancer"]),
        ((FOUR, HYBRID, OUTSIDE), ["one-load-balancer"]),
        ((FOUR, HALF, HYBRID, PORTS), ["one-load-balancer"]),
        ((FOUR, HYBRID, PORTS), ["multi-port-ranks", "one-load-balancer"]),
        ((FOUR, HALF, OUTSIDE, PORTS), ["one-load-balancer"]),
        ((FOUR, HALF, "headless: true", "data-parallel-start-rank: 2"), []),
        ((TWO, "headless: true", "data-parallel-size-local: 0"), ["headless-local-ranks"]),
        ((TWO, "data-parallel-size-local: 0"), []),
    ],
)  # fmt: skip
def test_data_parallel_ranks(lines: tuple[str, ...], expected: list[str]) -> None:
    assert told(*lines) == expected


def test_a_variable_may_say_how_many_ranks_there_are() -> None:
    assert told("data-parallel-rank: 0", env="VLLM_DP_SIZE: 2") == []
    assert told("data-parallel-size-local: 2", env="VLLM_DP_SIZE: 2") == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((FOUR, HALF), []),
        ((HALF,), ["multi-port-ranks", "local-ranks"]),
        ((FOUR,), ["multi-port-ranks"]),
        ((FOUR, "data-parallel-size-local: 1"), ["multi-port-ranks"]),
        ((FOUR, "data-parallel-size-local: 3"), ["multi-port-share"]),
        ((FOUR, HALF, "data-parallel-start-rank: 2"), []),
        ((FOUR, HALF, "data-parallel-start-rank: 3"), ["multi-port-share"]),
        ((FOUR, HALF, "node-rank: 1"), []),
        ((FOUR, HALF, "node-rank: 2"), ["multi-port-share"]),
        ((FOUR, HALF, "data-parallel-supervisor-port: 7999"), []),
        ((FOUR, HALF, "data-parallel-supervisor-port: 8000"), ["multi-port-supervisor"]),
        ((FOUR, HALF, "data-parallel-supervisor-port: 8001"), ["multi-port-supervisor"]),
        ((FOUR, HALF, "data-parallel-supervisor-port: 8002"), []),
        ((FOUR, HALF, "api-server-count: 1"), []),
        ((FOUR, HALF, "api-server-count: 2"), ["multi-port-alone"]),
        ((FOUR, HALF, "data-parallel-rank: 1"), ["multi-port-alone"]),
        ((FOUR, HALF, "enable-fault-tolerance: true"), []),
    ],
)
def test_a_port_for_each_rank(lines: tuple[str, ...], expected: list[str]) -> None:
    assert told(PORTS, *lines) == expected
    assert [rule for rule in told(*lines) if rule.startswith("multi-port")] == []


def test_the_supervisor_is_asked_for_where_its_port_is_written() -> None:
    ports = args(PORTS, FOUR, HALF)
    assert checked(ports + "server:\n  port: 9256\n").diagnostics[0].key == ("server", "port")
    assert checked(ports + "server:\n  port: 9257\n").diagnostics == ()


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("nnodes: 2", "tensor-parallel-size: 2"), []),
        (("nnodes: 2",), ["nodes-world-size"]),
        (("nnodes: 3", "tensor-parallel-size: 2", "pipeline-parallel-size: 2"),
         ["nodes-world-size"]),
        (("nnodes: 4", "tensor-parallel-size: 2", "pipeline-parallel-size: 2"), []),
        (("nnodes: 3", "prefill-context-parallel-size: 3"), []),
        (("nnodes: 1", "node-rank: 1"), []),
        (("nnodes: 2", TWO, "node-rank: 2"), ["node-rank-beyond"]),
        (("nnodes: 2", TWO, "data-parallel-backend: ray"), ["nodes-ray"]),
        (("nnodes: 2", TWO, "distributed-executor-backend: ray"), ["nodes-ray"]),
        (("nnodes: 2", TWO, "distributed-executor-backend: mp"), []),
        (("nnodes: 1", "distributed-executor-backend: ray"), []),
        (("pipeline-parallel-size: 2", "distributed-executor-backend: uni"), ["pipeline-executor"]),
        (("pipeline-parallel-size: 1", "distributed-executor-backend: uni"), []),
        (("ray-workers-use-nsight: true",), ["nsight-ray"]),
        (("ray-workers-use-nsight: true", "distributed-executor-backend: mp"), ["nsight-ray"]),
        (("ray-workers-use-nsight: true", "distributed-executor-backend: ray"), []),
        (("ray-workers-use-nsight: true", "data-parallel-backend: ray"), []),
        (("ray-workers-use-nsight: true", "distributed-executor-backend: my.Executor"), []),
        (("device-ids: [0, 1]", "distributed-executor-backend: ray"), ["device-ids-ray"]),
        (("device-ids: [0, 1]", "distributed-executor-backend: mp"), []),
    ],
)  # fmt: skip
def test_machines_and_executors(lines: tuple[str, ...], expected: list[str]) -> None:
    assert told(*lines) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("enable-eplb: true", "tensor-parallel-size: 2"), ["eplb-expert-parallel"]),
        (("enable-eplb: true", EXPERTS), ["eplb-one-rank"]),
        (("enable-eplb: true", EXPERTS, TWO), []),
        (("enable-eplb: true", EXPERTS, "prefill-context-parallel-size: 2"), []),
        (("eplb-config: {num_redundant_experts: 0}",), []),
        (("eplb-config: {num_redundant_experts: 1}",), ["redundant-experts"]),
        (("eplb-config: '{\"num_redundant_experts\": 1}'",), ["redundant-experts"]),
        (("eplb-config: {communicator: nixl}",), []),
        (("eplb-config: {communicator: torch_nccl}",), ["eplb-communicator"]),
        (("eplb-config: {communicator: pynccl, use_async: true}",), ["eplb-communicator"]),
        (("eplb-config: {communicator: pynccl, use_async: false}",), []),
        ((TWO, EXPERTS, "enable-elastic-ep: true"), ["elastic-eplb"]),
        (ELASTIC, []),
        ((*ELASTIC, "pipeline-parallel-size: 2"), ["elastic-pipeline"]),
        ((*ELASTIC, "pipeline-parallel-size: 1"), []),
        ((*ELASTIC, "data-parallel-rank: 1"), ["elastic-load-balancer"]),
        ((*ELASTIC, HYBRID, "data-parallel-size-local: 2"), []),  # all ranks are here
        ((*ELASTIC, "elastic-ep-max-dp-size: 1"), ["elastic-max-size"]),
        ((*ELASTIC, "elastic-ep-max-dp-size: 2"), []),
        ((TWO, "elastic-ep-max-dp-size: 1"), []),
        ((*ELASTIC, "api-server-count: 2"), ["elastic-api-servers"]),
        ((*ELASTIC, "api-server-count: 1"), []),
        (("all2all-backend: moonep", EXPERTS, TWO, "enable-eplb: true"), ["moonep-experts"]),
        (("all2all-backend: moonep", "expert-placement-strategy: linear"), []),
        (("all2all-backend: moonep", "expert-placement-strategy: round_robin"), ["moonep-experts"]),
        (("all2all-backend: moonep", "dtype: float32"), ["moonep-precision"]),
        (("all2all-backend: moonep", "dtype: auto"), []),
        (("all2all-backend: moonep", "quantization: fp8"), ["moonep-precision"]),
        (("expert-placement-strategy: round_robin", "dtype: float32"), []),
        ((TWO, "enable-fault-tolerance: true"), ["fault-tolerance-balancer"]),
        ((TWO, "enable-fault-tolerance: true", "data-parallel-rank: 0"), []),
        ((TWO, "enable-fault-tolerance: true", "data-parallel-rank: 0", "api-server-count: 2"),
         ["fault-tolerance-api-servers"]),
        (("fault-tolerance-config: {engine_recovery_timeout_sec: 9}",), ["fault-tolerance-config"]),
        ((TWO, "enable-fault-tolerance: true", "data-parallel-rank: 0", "api-server-count: 1"), []),
        (("fault-tolerance-config: {}",), []),
    ],
)  # fmt: skip
def test_experts(lines: tuple[str, ...], expected: list[str]) -> None:
    assert told(*lines) == expected


def test_experts_of_older_releases() -> None:
    nccl = "eplb-config: {communicator: pynccl}"
    assert told(nccl, release="0.23.0") == []  # moving in the background was no default
    assert told(nccl, release="0.24.0") == ["eplb-communicator"]
    assert told(*ELASTIC, "data-parallel-rank: 1", release="0.33.0") == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("decode-context-parallel-size: 2",), ["decode-context-size"]),
        (("decode-context-parallel-size: 1",), []),
        (("decode-context-parallel-size: 3", "tensor-parallel-size: 8"), ["decode-context-size"]),
        (("decode-context-parallel-size: 8", "tensor-parallel-size: 8"), []),
        (("decode-context-parallel-size: 16", "tensor-parallel-size: 8"), ["decode-context-size"]),
        (("decode-context-parallel-size: 4", "tensor-parallel-size: 8",
          "prefill-context-parallel-size: 2"), ["prefill-context-size"]),
        (("decode-context-parallel-size: 2", "tensor-parallel-size: 8",
          "prefill-context-parallel-size: 2"), []),
        (("decode-context-parallel-size: 16", "tensor-parallel-size: 8",
          "prefill-context-parallel-size: 2"), []),
        (("prefill-context-parallel-size: 2",), []),
        (("tensor-parallel-size: 4", "decode-context-parallel-size: 2",
          "cp-kv-cache-interleave-size: 8", "dcp-kv-cache-interleave-size: 16"),
         ["context-interleave"]),
        (("tensor-parallel-size: 4", "decode-context-parallel-size: 2",
          "cp-kv-cache-interleave-size: 16", "dcp-kv-cache-interleave-size: 16"), []),
        (("cp-kv-cache-interleave-size: 8", "dcp-kv-cache-interleave-size: 16"), []),
        (("tensor-parallel-size: 4", "decode-context-parallel-size: 2",
          "cp-kv-cache-interleave-size: 8", "dcp-kv-cache-interleave-size: 1"), []),
        (("numa-bind-nodes: [0]", "numa-bind-cpus: [0-3]"), ["numa-binding", "numa-binding"]),
        (("numa-bind: true", "numa-bind-nodes: [0]", "numa-bind-cpus: [0-3]"), []),
        (("numa-bind: true", "numa-bind-cpus: ['0-3,9-8', '5']"), ["numa-cpu-range"]),
        (("numa-bind: true", "numa-bind-cpus: ['3-3', '10-11']"), []),
        ((*DBO, "dbo-decode-token-threshold: 1"), ["overlap-thresholds"]),
        ((*DBO, "dbo-prefill-token-threshold: 1"), ["overlap-thresholds"]),
        ((*DBO, "dbo-prefill-token-threshold: 2"), []),
        (("all2all-backend: nixl_ep", "ubatch-size: 33"), ["overlap-thresholds"]),
        (("all2all-backend: nixl_ep", "ubatch-size: 32"), []),
        (("ubatch-size: 1", "dbo-decode-token-threshold: 0"), []),
        (("enable-dbo: true",), ["overlap-backend"]),
        (("ubatch-size: 2",), ["overlap-backend"]),
        (("ubatch-size: 1",), []),
        (("enable-batch-sharded-sampling: true",), ["sharded-sampling-ranks"]),
        (SHARDED, []),
        ((*SHARDED, "max-num-seqs: 3"), ["sharded-sampling-sequences"]),
        ((*SHARDED, "max-num-seqs: 4"), []),
        ((*SHARDED, "max-logprobs: -1"), ["sharded-sampling-logprobs"]),
        ((*SHARDED, "max-logprobs: 0"), []),
        (("enable-hc-sp: true", "pipeline-parallel-size: 2"), []),
        (("enable-hc-sp: true", "pipeline-parallel-size: 1", "tensor-parallel-size: 2"), []),
        (("enable-hc-sp: true", "pipeline-parallel-size: 2", "tensor-parallel-size: 2"),
         ["hyper-connection-pipeline"]),
        (("enable-return-routed-experts: true", "prefill-context-parallel-size: 2"),
         ["routed-experts-context"]),
        (("enable-return-routed-experts: true", "prefill-context-parallel-size: 1"), []),
    ],
)  # fmt: skip
def test_context_batches_and_sampling(lines: tuple[str, ...], expected: list[str]) -> None:
    assert told(*lines) == expected


def test_what_other_releases_do() -> None:
    exchange = ("dcp-comm-backend: a2a",)
    assert told(*exchange, release="0.28.0") == ["decode-context-exchange"]
    assert told(*exchange, release="0.29.0") == []
    assert told("enable-dbo: true", release="0.15.1") == []  # a variable chose the backend
    assert told("enable-dbo: true", release="0.33.0") == []  # ROCm can
    assert told(FOUR, "data-parallel-rank: 2", HYBRID, release="0.14.1") == []
