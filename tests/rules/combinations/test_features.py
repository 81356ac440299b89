"""LoRA, structured outputs, compilation, loading, observability: each rule both ways."""

import pytest

from tests.rules.checking import args, checked, found
from tests.rules.combinations.said import of, said

LORA = "enable-lora: true"


def test_adapters_in_memory_are_counted_against_a_batch() -> None:
    assert said(LORA, "max-loras: 4", "max-cpu-loras: 3") == ["lora-cpu-slots error"]
    assert said(LORA, "max-loras: 4", "max-cpu-loras: 4") == []
    assert said(LORA, "max-cpu-loras: 1") == []  # a batch has one adapter by default
    assert said(LORA, "max-loras: 4", "max-cpu-loras: 0") == []  # 0: as many as in a batch
    assert said(LORA, "max-loras: 4", "max-cpu-loras: -1") == []
    assert "lora-cpu-slots error" not in said("max-loras: 4", "max-cpu-loras: 3")


def test_options_of_lora_without_lora_are_told_one_by_one() -> None:
    found = said("max-lora-rank: 64", "max-loras: 4", "fully-sharded-loras: true")
    assert found == ["lora-idle warning"] * 3
    assert said("enable-lora: false", "max-lora-rank: 64") == ["lora-idle warning"]
    assert said(LORA, "max-lora-rank: 64") == []
    assert said("max-lora-rank: 16", "fully-sharded-loras: false") == []  # the defaults


@pytest.mark.parametrize(
    ("inner", "found"),
    [
        ("{disable_any_whitespace: true}", ["compact-json error"]),
        ("{disable_any_whitespace: true, backend: auto}", ["compact-json error"]),
        ("{disable_any_whitespace: true, backend: outlines}", ["compact-json error"]),
        ("{disable_any_whitespace: true, backend: xgrammar}", []),
        ("{disable_any_whitespace: true, backend: guidance}", []),
        ("{disable_any_whitespace: false}", []),
        ("{disable_any_whitespace: 'true'}", []),
        ("{disable_additional_properties: true}", ["additional-properties error"]),
        (
            "{disable_additional_properties: true, backend: xgrammar}",
            ["additional-properties error"],
        ),
        ("{disable_additional_properties: true, backend: guidance}", []),
        (
            "{disable_any_whitespace: true, disable_additional_properties: true}",
            ["additional-properties error", "compact-json error"],
        ),
        ("'{\"disable_any_whitespace\": true}'", ["compact-json error"]),
        ("'{\"disable_any_whitespace\": true'", []),  # not JSON: another rule's
        ("[]", []),
        ("null", []),
    ],
)
def test_structured_outputs(inner: str, found: list[str]) -> None:
    assert sorted(said(f"structured-outputs-config: {inner}")) == found


def test_a_key_inside_json_has_its_own_place() -> None:

    written = args("structured-outputs-config:", "  disable_any_whitespace: true")
    assert found(written) == ["MX240 5:7"]
    as_text = args("structured-outputs-config: '{\"disable_any_whitespace\": true}'")
    assert found(as_text) == ["MX240 4:5"]


def test_a_place_is_shown_once() -> None:
    keys = "custom_ops: [], mode: 3, backend: openxla"
    (apart,) = checked(args(f"compilation-config: {{{keys}}}")).diagnostics
    assert [item.label for item in apart.related] == ["set here"]
    (together,) = checked(args('compilation-config: \'{"mode": 3, "backend": "x"}\'')).diagnostics
    assert apart.rule == together.rule == "piecewise-backend"
    assert together.related == ()


def test_a_reasoning_parser_is_named_once() -> None:
    key = "structured-outputs-config: {reasoning_parser: qwen3}"
    assert said("reasoning-parser: deepseek_r1", key) == ["reasoning-parser-twice warning"]
    assert said("reasoning-parser: qwen3", key) == []
    assert said(key) == []
    both = said("reasoning-parser: mistral", key, "reasoning-config: {reasoning_parser: qwen3}")
    assert both == ["reasoning-parser-twice warning"] * 2


def test_traces_need_an_endpoint() -> None:
    assert said("collect-detailed-traces: [all]") == ["detailed-traces error"]
    assert said("collect-detailed-traces: []") == []
    assert said("collect-detailed-traces: [all]", "otlp-traces-endpoint: http://c:4317") == []
    assert said("otlp-traces-endpoint: http://c:4317") == []


@pytest.mark.parametrize(
    ("inner", "found"),
    [
        ("{profiler: torch}", ["torch-profiler"]),
        ("{profiler: torch, torch_profiler_dir: ''}", ["torch-profiler"]),
        ("{profiler: torch, torch_profiler_dir: /t}", []),
        ("{torch_profiler_dir: /t}", ["torch-profiler-idle"]),
        ("{profiler: cuda, torch_profiler_dir: /t}", ["torch-profiler-idle"]),
        ("{profiler: cuda, torch_profiler_dir: ''}", []),
        ("{capture_torch_profiler: true}", ["torch-profiler-idle"]),
        ("{capture_torch_profiler: false}", []),
        ("{torch_profiler_dir: 7}", []),
        ("{torch_profiler_activities: [CPU]}", ["profiler-activities"]),
        ("{torch_profiler_activities: CPU}", []),
        ("{profiler: torch, torch_profiler_dir: /t, torch_profiler_activities: [CPU]}", []),
        ("{profiler: proton}", ["proton-folder"]),
        ("{profiler: proton, proton_profiler_dir: /t}", []),
        ("{proton_profiler_dir: /t, proton_hook: triton}", ["proton-idle", "proton-idle"]),
        ("{proton_data: tree, proton_context: shadow}", []),  # the defaults
        (
            "{profiler: proton, proton_profiler_dir: /t, proton_output_format: chrome_trace}",
            ["proton-format"],
        ),
        (
            "{profiler: proton, proton_profiler_dir: /t, proton_output_format: hatchet,"
            " proton_data: trace}",
            ["proton-format"],
        ),
        ("{profiler: proton, proton_profiler_dir: /t, proton_output_format: hatchet}", []),
        ("{}", []),
    ],
)
def test_profilers(inner: str, found: list[str]) -> None:
    assert said(f"profiler-config: {inner}") == [f"{name} error" for name in found]


def test_variables_could_name_the_folder_of_traces_before_0_16() -> None:
    assert said("profiler-config: {profiler: torch}", release="0.15.1") == []
    assert said("profiler-config: {profiler: torch}", release="0.16.0") == ["torch-profiler error"]


@pytest.mark.parametrize(
    ("option", "config", "value", "rule"),
    [
        ("attention-backend", "attention-config", "FLASH_ATTN", "attention-backend-twice"),
        ("enable-flashinfer-autotune", "kernel-config", "false", "flashinfer-autotune-twice"),
        ("cudagraph-capture-sizes", "compilation-config", "[1, 2]", "capture-sizes-twice"),
        ("max-cudagraph-capture-size", "compilation-config", "8", "capture-limit-twice"),
    ],
)
def test_an_option_and_its_key_are_refused_together(
    option: str, config: str, value: str, rule: str
) -> None:
    key = "backend" if option == "attention-backend" else option.replace("-", "_")
    assert said(f"{option}: {value}", f"{config}: {{{key}: {value}}}") == [f"{rule} error"]
    assert said(f"{option}: {value}") == []
    assert said(f"{config}: {{{key}: {value}}}") == []
    assert said(f"{option}: {value}", f"{config}: {{{key}: null}}") == []


def test_an_attention_backend_that_is_none() -> None:
    for backend in ("auto", "CUTLASS_MSA", "triton_msa"):
        assert (
            said("attention-backend: FLASH_ATTN", f"attention-config: {{backend: {backend}}}") == []
        )
    assert said("attention-backend: auto", "attention-config: {backend: FLASH_ATTN}") == [
        "attention-backend-twice error"
    ]


def test_a_backend_of_kernels_is_taken_from_the_option() -> None:
    key = "kernel-config: {moe_backend: cutlass}"
    assert said("moe-backend: triton", key) == ["kernel-backend-twice warning"]
    assert said("moe-backend: cutlass", key) == []
    assert said("moe-backend: auto", key) == []
    assert said(key) == []


def test_the_priority_of_an_operation() -> None:
    config = "kernel-config: {ir_op_priority: {rms_norm: [native]}}"
    assert said("ir-op-priority: {rms_norm: [native]}", config) == ["op-priority-twice error"]
    assert said("ir-op-priority: {rms_norm: []}", config) == []
    assert said(config) == []


@pytest.mark.parametrize(
    ("sizes", "limit", "speaks"),
    [
        ("[1, 2, 4]", 8, True),
        ("[1, 2, 4]", 4, False),
        ("[1, 2, 4]", 2, False),  # 4 is cut when a batch has two tokens
        ("[1, 2, 8]", 4, True),
        ("[]", 4, False),
        ("[1, two]", 4, False),
    ],
)
def test_the_largest_graph(sizes: str, limit: int, speaks: bool) -> None:
    lines = (f"cudagraph-capture-sizes: {sizes}", f"max-cudagraph-capture-size: {limit}")
    expected = ["capture-limit warning"] if speaks else []
    assert [f for f in said(*lines) if "capture-limit" in f] == expected
    inner = f"{{cudagraph_capture_sizes: {sizes}, max_cudagraph_capture_size: {limit}}}"
    config = f"compilation-config: {inner}"
    assert [f for f in said(config) if "capture-limit" in f] == expected
    off = f"compilation-config: {inner[:-1]}, cudagraph_mode: NONE}}"
    assert said(off) == []


def test_eager_passes_over_graphs() -> None:
    eager = "inference: {enforce_eager: true}\n"
    assert said("cudagraph-capture-sizes: [1]", named=eager) == ["eager-graphs warning"]
    assert said("max-cudagraph-capture-size: 8", named=eager) == ["eager-graphs warning"]
    assert said("compilation-config: {cudagraph_mode: FULL}", named=eager) == [
        "eager-graphs warning"
    ]
    assert said("compilation-config: {cudagraph_mode: none}", named=eager) == []
    assert said("compilation-config: {cudagraph_mode: 0}", named=eager) == []
    assert said("cudagraph-capture-sizes: [1]", "enforce-eager: false") == []


@pytest.mark.parametrize(
    ("ops", "found"),
    [
        ("[all, none]", ["custom-ops-mode error"]),
        ("[all, all]", ["custom-ops-mode error"]),
        ("[none, +a, -b]", []),
        ("[+a, -a]", ["custom-ops-both error"]),
        ("[+a, -a, +b, -b]", ["custom-ops-both error"] * 2),
        ("[-a, +a, +a]", ["custom-ops-both error"]),
        ("[1, 2]", []),
        ("all", []),
    ],
)
def test_custom_operations(ops: str, found: list[str]) -> None:
    assert said(f"compilation-config: {{custom_ops: {ops}}}") == found
    assert said(f"compilation-config: {{custom_ops: {ops}}}", release="0.26.0") == []


@pytest.mark.parametrize(
    ("inner", "speaks"),
    [
        ("{mode: 3, backend: openxla}", True),
        ("{mode: VLLM_COMPILE, backend: openxla}", True),
        ("{mode: vllm_compile, backend: openxla}", True),
        ("{mode: 3, backend: inductor}", False),
        ("{mode: 3, backend: ''}", False),
        ("{mode: 1, backend: openxla}", False),
        ("{backend: openxla}", False),
        ("{mode: 3, backend: 7}", False),
    ],
)
def test_backends_of_compilation(inner: str, speaks: bool) -> None:
    assert said(f"compilation-config: {inner}") == (["piecewise-backend error"] if speaks else [])


def loader(form: str, extra: str, name: str = "org/name") -> list[str]:
    section = f"inference: {{load_format: {form}}}\n" if form else ""
    args = f"vllm:\n  args:\n    model-loader-extra-config: {extra}\n"
    return of(f"model: {name}\n{section}{args}")


@pytest.mark.parametrize(
    ("form", "extra", "found"),
    [
        ("dummy", "{num_threads: 8}", ["dummy-weights error"]),
        ("dummy", "{}", []),
        ("dummy", "'{\"num_threads\": 8}'", ["dummy-weights error"]),
        ("", "{num_threads: 8, enable_multithread_load: true}", []),
        ("", "{concurrency: 8}", ["loader-keys error"]),
        ("safetensors", "{concurrency: 8, distributed: true}", ["loader-keys error"] * 2),
        ("runai_streamer", "{concurrency: 8}", []),
        ("tensorizer", "{tensorizer_uri: s3://x}", []),
        ("sharded_state", "{pattern: x}", []),
    ],
)
def test_loaders(form: str, extra: str, found: list[str]) -> None:
    assert loader(form, extra) == found


def test_a_model_in_a_store_has_a_loader_of_its_own() -> None:
    assert loader("", "{concurrency: 8}", "s3://bucket/model") == []
    assert loader("safetensors", "{num_threads: 8}", "s3://bucket/model") == [
        "object-storage error"
    ]
    for form, speaks in (("auto", False), ("runai_streamer", False), ("dummy", True)):
        text = f"model: gs://bucket/model\ninference: {{load_format: {form}}}\n"
        assert of(text) == (["object-storage error"] if speaks else [])
    assert of("model: org/name\ninference: {load_format: safetensors}\n") == []


def test_many_threads_are_lazy() -> None:
    extra = "model-loader-extra-config: {enable_multithread_load: true}"
    rule = ["multithread-strategy error"]
    assert said("safetensors-load-strategy: eager", extra) == rule
    assert said("safetensors-load-strategy: prefetch", extra) == rule
    assert said("safetensors-load-strategy: lazy", extra) == []
    assert said("safetensors-load-strategy: eager") == []
    runai = "inference: {load_format: fastsafetensors}\n"
    assert said("safetensors-load-strategy: eager", extra, named=runai) == rule
    stored = args("safetensors-load-strategy: eager", extra).replace("org/name", "s3://bucket/name")
    assert of(stored) == []  # it is streamed, by another loader


def test_mamba() -> None:
    algorithm, rounding = "mamba-ssu-algorithm: vertical", "enable-mamba-cache-stochastic-rounding"
    assert said(algorithm) == ["mamba-algorithm error"]
    assert said(algorithm, "mamba-backend: triton") == ["mamba-algorithm error"]
    assert said(algorithm, "mamba-backend: flashinfer") == []
    assert said(f"{rounding}: true") == ["mamba-rounding error"]
    assert said(f"{rounding}: true", "mamba-ssm-cache-dtype: float32") == ["mamba-rounding error"]
    assert said(f"{rounding}: true", "mamba-ssm-cache-dtype: float16") == []
    assert said(f"{rounding}: false") == []


@pytest.mark.parametrize(
    ("bounds", "speaks"),
    [
        ("[0.1, 1]", False),
        ("[0.1, 0.1]", True),
        ("[2, 1]", True),
        ("[0, 1]", True),
        ("[-1]", True),
        ("[]", True),
        ("[a]", False),
        ("[true]", False),
        ("1", False),
    ],
)
def test_buckets(bounds: str, speaks: bool) -> None:
    expected = ["histogram-buckets error"] if speaks else []
    assert said(f"custom-histogram-buckets: {{request_latency: {bounds}}}") == expected


def test_routed_experts() -> None:
    experts = "enable-return-routed-experts: true"
    two = "inference: {pipeline_parallel_size: 2}\n"
    assert said(experts, named=two) == ["routed-experts-pipeline error"]
    assert said(experts, named=two, release="0.21.0") == []
    assert said(experts, "pipeline-parallel-size: 1") == []
    off = "inference: {enable_prefix_caching: false}\n"
    assert said(experts, named=off) == ["routed-experts-prefix error"]
    assert said(experts, named=off, release="0.30.0") == []
    assert said(experts, "enable-prefix-caching: true") == []


def test_metrics_without_statistics() -> None:
    assert (
        said("disable-log-stats: true", "kv-cache-metrics: true", "enable-mfu-metrics: true")
        == ["stats-off warning"] * 2
    )
    assert said("disable-log-stats: false", "kv-cache-metrics: true") == []
    assert said("kv-cache-metrics-sample: 0.1") == ["kv-metrics-sample warning"]
    assert said("kv-cache-metrics-sample: 0.1", "kv-cache-metrics: true") == []


def test_the_log_is_set_up_once() -> None:
    config = "logging-config: {log_level: INFO, pylogging_config_file: /a.json}"
    assert said("log-level: DEBUG", config) == ["logging-twice warning"]
    assert said("log-level: INFO", config) == []
    assert said("log-config-file: /b.json", config) == ["logging-twice warning"]
    assert said(config) == []


def test_bitsandbytes_chose_its_format() -> None:
    text = "model: m\ninference: {quantization: bitsandbytes, load_format: %s}\n"
    assert of(text % "safetensors", release="0.27.1") == ["bitsandbytes-format warning"]
    assert of(text % "safetensors", release="0.28.0") == []
    assert of(text % "bitsandbytes", release="0.27.1") == []
    assert of(text % "auto", release="0.27.1") == []
