"""The model, its input and its numbers: each rule both ways."""

import pytest

from tests.rules.combinations.said import of, said


def test_the_kind_of_pooling_is_said_once() -> None:
    rule = "pooling-type-twice error"
    both = "pooler-config: {pooling_type: MEAN, seq_pooling_type: MEAN}"
    assert said(both) == [rule]
    assert said(both, release="0.13.0") == []
    three = "pooler-config: {pooling_type: ALL, seq_pooling_type: MEAN, tok_pooling_type: ALL}"
    assert said(three) == [rule] * 2
    assert said("pooler-config: {seq_pooling_type: MEAN, tok_pooling_type: ALL}") == []
    assert said("pooler-config: {pooling_type: MEAN}") == []
    assert said("pooler-config: {pooling_type: '', seq_pooling_type: MEAN}") == []


def test_a_cache_in_shared_memory() -> None:
    size = "mm-shm-cache-max-object-size-mb: 64"
    assert said(size) == ["shared-cache-object warning"]
    assert said(size, "mm-processor-cache-type: lru") == ["shared-cache-object warning"]
    assert said(size, "mm-processor-cache-type: shm") == []
    assert said("mm-shm-cache-max-object-size-mb: 128") == []  # the default


def test_a_cache_without_room() -> None:
    kind = "mm-processor-cache-type: shm"
    assert said(kind, "mm-processor-cache-gb: 0") == ["processor-cache-off warning"]
    assert said(kind, "mm-processor-cache-gb: 1") == []
    assert said("mm-processor-cache-gb: 0") == []


def test_scales_of_an_encoder() -> None:
    read, save = "mm-encoder-fp8-scale-path: /a", "mm-encoder-fp8-scale-save-path: /b"
    fp8 = "mm-encoder-attn-dtype: fp8"
    assert said(read) == ["encoder-scales warning"]
    assert said(save) == ["encoder-scales warning"]
    assert said(fp8, save) == []
    assert said(fp8, read, save) == ["encoder-scales-both warning"]
    assert said(fp8) == []


def test_the_language_model_alone() -> None:
    alone = "language-model-only: true"
    assert said(alone, "limit-mm-per-prompt: {image: 4}") == ["text-only-limits warning"]
    assert said(alone, "limit-mm-per-prompt: {image: 0}") == []
    assert said(alone, "limit-mm-per-prompt: {}") == []
    assert said("language-model-only: false", "limit-mm-per-prompt: {image: 4}") == []
    graphs = "compilation-config: {cudagraph_mm_encoder: true}"
    assert said(alone, graphs) == ["text-only-graphs warning"]
    assert said(alone, "compilation-config: {cudagraph_mm_encoder: false}") == []
    assert said(graphs) == []


def test_the_device_of_the_processor() -> None:
    kwargs = "mm-processor-kwargs: {device: cuda}"
    assert said("mm-processor-device: cpu", kwargs) == ["processor-device-twice warning"]
    assert said("mm-processor-device: auto", kwargs) == []
    assert said("mm-processor-device: cpu", "mm-processor-kwargs: {device: cpu}") == []
    assert said(kwargs) == []


@pytest.mark.parametrize("size", ["tensor", "pipeline", "data"])
def test_tensors_in_shared_memory(size: str) -> None:
    ipc = "mm-tensor-ipc: torch_shm"
    two = f"inference: {{{size}_parallel_size: 2}}\n"
    assert said(ipc, named=two) == ["tensor-ipc-ranks warning"]
    assert said(ipc, named=two.replace("2", "1")) == []
    assert said("mm-tensor-ipc: direct_rpc", named=two) == []


@pytest.mark.parametrize(
    ("dtype", "method", "speaks"),
    [
        ("float32", "fp8", True),
        ("float", "awq", True),
        ("float32", "gptq_marlin", True),
        ("bfloat16", "fp8", False),
        ("auto", "fp8", False),
        ("float32", "compressed-tensors", False),
        ("float32", "torchao", False),
    ],
)
def test_bits_of_activations(dtype: str, method: str, speaks: bool) -> None:
    text = f"model: m\ninference: {{dtype: {dtype}, quantization: {method}}}\n"
    expected = ["float32-quantization error"] if speaks else []
    assert [line for line in of(text) if "float32" in line] == expected


@pytest.mark.parametrize(
    ("limits", "refused"),
    [
        ("{image: 2, video: 0, other: 3}", 0),
        ("{image: {count: 2, width: 512}, audio: {length: 5}, other: {x: 1}}", 0),
        ("{image: true}", 0),
        ("{image: two, video: '1', audio: 1.0}", 3),
        ("{image: -1}", 1),
        ("{image: {count: -1}}", 1),
        ("{image: {length: 5}}", 1),
        ("{image: [1]}", 1),
        ("[1]", 1),
        ("'[1]'", 1),
        ("'{\"image\": -1}'", 1),
        ("{}", 0),
    ],
)
def test_limits_of_modalities(limits: str, refused: int) -> None:
    assert said(f"limit-mm-per-prompt: {limits}") == ["modality-limits error"] * refused


def test_layers_by_kind_or_by_name() -> None:
    targets = "targets: {'*': fp8_per_block}"
    rule = "quantization-targets error"
    assert said(f"quantization-config: {{linear: mxfp8, {targets}}}") == [rule]
    assert said(f"quantization-config: {{linear: mxfp8, moe: mxfp8, {targets}}}") == [rule] * 2
    assert said(f"quantization-config: {{{targets}}}") == []
    assert said("quantization-config: {linear: mxfp8, targets: all}") == []


def test_sleep() -> None:
    sleep, allocator = "enable-sleep-mode: true", "enable-cumem-allocator: false"
    assert said(sleep, allocator) == ["sleep-allocator warning"]
    assert said(sleep) == []
    assert said(allocator) == []
    offload = "sleep-mode-offload-cudagraph: true"
    assert said(offload) == ["sleep-idle warning"]
    assert said(sleep, offload) == []
    assert said("sleep-mode-offload-cudagraph: false") == []
    assert said("sleep-preserve-parameter-names: [a]") == ["sleep-idle warning"]


def test_sampling_masks() -> None:
    mask, processed = "return-sampling-mask: true", "logprobs-mode: processed_logprobs"
    assert said(mask) == ["sampling-mask-logprobs error"]
    assert said(mask, "logprobs-mode: raw_logits") == ["sampling-mask-logprobs error"]
    assert said(mask, processed) == []
    own = "logits-processors: [org.x:Y]"
    assert said(mask, processed, own) == ["sampling-mask-processors error"]
    assert said(mask, processed, "logits-processors: []") == []
    assert said(own) == []


def test_tokens_alone() -> None:
    assert said("tokens-only: true", "skip-tokenizer-init: false") == ["tokens-only warning"]
    assert said("tokens-only: true", "skip-tokenizer-init: true") == []
    assert said("tokens-only: false", "skip-tokenizer-init: false") == []


def test_pruned_videos() -> None:
    method = "video-pruning-method: vidcom2"
    assert said(method) == ["pruning-method warning"]
    assert said(method, "video-pruning-rate: 0") == ["pruning-method warning"]
    assert said(method, "video-pruning-rate: 0.5") == []
