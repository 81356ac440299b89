"""Speculative decoding: each rule both ways."""

import pytest

from tests.rules.combinations.said import of, said

NGRAM = "method: ngram, num_speculative_tokens: 4"
EAGLE = "method: eagle3, model: org/head, num_speculative_tokens: 4"
DRAFT = "method: draft_model, model: org/draft, num_speculative_tokens: 4"


def asked(*inner: str, **more: str) -> list[str]:
    """What is said of a `speculative-config` with these keys."""
    return said(f"speculative-config: {{{', '.join(inner)}}}", **more)


def test_three_options_stand_for_keys() -> None:
    for option in ("spec-method: ngram", "spec-tokens: 4"):
        assert said(option, f"speculative-config: {{{NGRAM}}}") == ["speculative-twice error"]
    assert said("spec-tokens: 4", "speculative-config: {method: ngram}") == []
    # vLLM compares before it turns dashes into underscores
    dashed = "speculative-config: {method: ngram, num-speculative-tokens: 4}"
    assert said("spec-tokens: 4", dashed) == []
    assert said("spec-method: ngram", "spec-tokens: 4") == []


@pytest.mark.parametrize(
    ("inner", "found"),
    [
        ("num_speculative_tokens: 4", ["warning"]),
        ("method: eagle3, num_speculative_tokens: 4", ["warning"]),
        ("method: draft_model, num_speculative_tokens: 4", ["error"]),
        ("method: mtp, num_speculative_tokens: 4", []),
        ("method: deepseek_mtp, num_speculative_tokens: 4", []),
        ("method: suffix, num_speculative_tokens: 4", []),
        (NGRAM, []),
        (DRAFT, []),
        ("model: org/draft, num_speculative_tokens: 4", []),
    ],
)
def test_somebody_must_draft(inner: str, found: list[str]) -> None:
    assert asked(inner) == [f"draft-model-missing {severity}" for severity in found]


def test_a_model_may_bring_its_own_draft() -> None:
    text = (
        "model: RedHatAI/Qwen3-8B-speculator.eagle3\nvllm:\n  args:\n"
        "    speculative-config: {method: %s}\n    per-request-spec-decode-metrics: summary\n"
    )
    assert of(text % "eagle3") == []
    assert of(text % "eagle3, num_speculative_tokens: 4") == []
    assert of(text % "ngram") == ["draft-tokens-missing error"]
    alone = "model: %s\nvllm:\n  args:\n    per-request-spec-decode-metrics: summary\n"
    assert of(alone % "RedHatAI/Qwen3-8B-speculator.eagle3") == []
    assert of(alone % "Qwen/Qwen3-8B") == ["speculation-metrics warning"]


@pytest.mark.parametrize(
    ("inner", "found"),
    [
        ("method: ngram", ["error"]),
        ("method: draft_model", ["error"]),
        ("method: mtp", ["warning"]),
        ("method: eagle3", ["warning"]),
        ("method: suffix", []),  # has a default
        ("attention_backend: FLASH_ATTN", []),  # for a model that brings its own
        (NGRAM, []),
        ("method: eagle3, model: org/head", []),  # the head may say it
    ],
)
def test_how_many_tokens_has_to_be_said(inner: str, found: list[str]) -> None:
    assert asked(inner) == [f"draft-tokens-missing {severity}" for severity in found]


@pytest.mark.parametrize(
    ("low", "high", "speaks"),
    [("5", "2", True), ("2", "2", False), ("2", "5", False), ("'5'", "2", False)],
)
def test_windows(low: str, high: str, speaks: bool) -> None:
    window = f"prompt_lookup_min: {low}, prompt_lookup_max: {high}"
    assert asked(NGRAM, window) == (["lookup-window error"] if speaks else [])
    by_model = f"model: ngram, num_speculative_tokens: 4, {window}"
    assert asked(by_model) == (["lookup-window error"] if speaks else [])
    assert asked(EAGLE, window) == []
    assert asked(NGRAM, f"prompt_lookup_min: {low}") == []


@pytest.mark.parametrize(
    ("ranks", "draft", "speaks"), [(4, 2, True), (4, 1, False), (4, 4, False), (1, 2, True)]
)
def test_the_draft_has_one_gpu_or_all(ranks: int, draft: int, speaks: bool) -> None:
    named = f"inference: {{tensor_parallel_size: {ranks}}}\n"
    size = f"draft_tensor_parallel_size: {draft}"
    expected = ["draft-tensor-parallel error"] if speaks else []
    assert asked(EAGLE, size, named=named) == expected
    assert asked("model: org/draft, num_speculative_tokens: 4", size, named=named) == expected
    assert asked(NGRAM, size, named=named) == []
    assert asked("model: pkg.Own, num_speculative_tokens: 4", size, named=named) == []


def test_the_name_of_the_drafts_split() -> None:
    assert asked(EAGLE, "tensor_parallel_size: 1") == ["draft-tensor-parallel-name error"]
    assert asked(EAGLE) == []


@pytest.mark.parametrize(
    ("inner", "found"),
    [
        ("rejection_sample_method: synthetic", ["needs"]),
        ("rejection_sample_method: synthetic, synthetic_acceptance_length: 2", []),
        (
            "rejection_sample_method: synthetic, synthetic_acceptance_length: 2,"
            " synthetic_acceptance_rates: [1, 1, 1, 1]",
            ["needs"],
        ),
        ("synthetic_acceptance_length: 2", ["alone"]),
        ("rejection_sample_method: block, synthetic_acceptance_rates: [1]", ["alone"]),
        ("rejection_sample_method: standard", []),
    ],
)
def test_synthetic_acceptance(inner: str, found: list[str]) -> None:
    assert asked(NGRAM, inner) == [f"synthetic-{name} error" for name in found]


@pytest.mark.parametrize(
    ("inner", "speaks"),
    [
        ("synthetic_acceptance_length: 1", False),
        ("synthetic_acceptance_length: 5", False),
        ("synthetic_acceptance_length: 0.9", True),
        ("synthetic_acceptance_length: 5.1", True),
        ("synthetic_acceptance_length: many", False),
        ("synthetic_acceptance_rates: [1, 0.5, 0.5, 0]", False),
        ("synthetic_acceptance_rates: [1, 0.5, 0.6, 0]", True),
        ("synthetic_acceptance_rates: [1.1, 0.5, 0.5, 0]", True),
        ("synthetic_acceptance_rates: [1, 0.5]", True),
        ("synthetic_acceptance_rates: [a, b]", False),
        ("synthetic_acceptance_rates: 1", False),
    ],
)
def test_synthetic_numbers(inner: str, speaks: bool) -> None:
    expected = ["synthetic-numbers error"] if speaks else []
    assert asked(NGRAM, "rejection_sample_method: synthetic", inner) == expected


def test_two_vocabularies() -> None:
    two = "use_heterogeneous_vocab: true"
    assert asked(EAGLE, two) == ["vocabulary-method error"]
    assert asked(DRAFT, two) == []
    assert asked("model: org/draft, num_speculative_tokens: 4", two) == []
    sampled = "draft_sample_method: probabilistic"
    assert asked(DRAFT, two, sampled) == ["vocabulary-sampling error"]
    assert asked(DRAFT, "use_heterogeneous_vocab: false", sampled) == []
    assert asked(DRAFT, two, "draft_sample_method: greedy") == []


@pytest.mark.parametrize(
    ("inner", "release", "found"),
    [
        (NGRAM, "0.32.0", ["async-speculation"]),
        ("model: ngram, num_speculative_tokens: 4", "0.32.0", ["async-speculation"]),
        (NGRAM, "0.12.0", ["async-speculation"]),
        (NGRAM, "0.33.0", []),
        (EAGLE, "0.32.0", []),
        (f"{EAGLE}, disable_padded_drafter_batch: true", "0.32.0", ["async-padding"]),
        (f"{EAGLE}, disable_padded_drafter_batch: true", "0.33.0", []),
        (f"{EAGLE}, disable_padded_drafter_batch: false", "0.32.0", []),
    ],
)
def test_a_scheduler_that_runs_ahead(inner: str, release: str, found: list[str]) -> None:
    config = f"speculative-config: {{{inner}}}"
    expected = [f"{name} error" for name in found]
    assert said("async-scheduling: true", config, release=release) == expected
    assert said("async-scheduling: false", config, release=release) == []
    assert said(config, release=release) == []


def test_a_schedule_is_for_one_rank() -> None:
    schedule = "num_speculative_tokens_per_batch_size: [[1, 8, 4]]"
    two = "inference: {data_parallel_size: 2}\n"
    assert asked(NGRAM, schedule, named=two) == ["dynamic-speculation warning"]
    assert asked(NGRAM, schedule) == []
    assert asked(NGRAM, schedule, named="inference: {data_parallel_size: 1}\n") == []


@pytest.mark.parametrize(
    ("batch", "requests", "speaks"),
    [("1279", "256", True), ("1280", "256", False), ("1k", "256", False), ("auto", "1", False)],
)
def test_a_batch_holds_all_drafts(batch: str, requests: str, speaks: bool) -> None:
    named = f"inference: {{max_num_batched_tokens: {batch}, max_num_seqs: {requests}}}\n"
    config = f"speculative-config: {{{NGRAM}}}"
    expected = ["lora-batch-tokens error"] if speaks else []
    assert said("enable-lora: true", config, named=named) == expected
    assert said(config, named=named) == []
    alone = f"inference: {{max_num_batched_tokens: {batch}}}\n"
    assert said("enable-lora: true", config, named=alone) == []


def test_adaptive_verification() -> None:
    adaptive = "method: dspark, num_speculative_tokens: 4, enable_adaptive_verification: true"
    config = f"speculative-config: {{{adaptive}}}"
    assert said("enable-lora: true", config) == ["adaptive-lora error"]
    stages = "inference: {pipeline_parallel_size: %d}\n"
    assert said(config, named=stages % 2) == ["adaptive-pipeline error"]
    assert said(config, named=stages % 1) == []
    assert said(config, named="inference: {enforce_eager: true}\n") == ["adaptive-eager error"]
    assert said(config) == []
    off = config.replace("verification: true", "verification: false")
    named = "inference: {enforce_eager: true, pipeline_parallel_size: 2}\n"
    assert said("enable-lora: true", off, named=named) == []
    local = "use_local_argmax_reduction: true"
    assert asked(adaptive, local) == []
    assert asked(EAGLE, "enable_adaptive_verification: true", local) == ["adaptive-argmax error"]
    assert asked(EAGLE, local) == []


@pytest.mark.parametrize(
    ("mark", "inner", "found"),
    [
        ("algorithm: dual_key_gumbel", f"{EAGLE}, draft_sample_method: probabilistic", []),
        ("algorithm: dual_key_gumbel", EAGLE, ["sampling"]),
        ("algorithm: dual_key_gumbel", f"{EAGLE}, draft_sample_method: greedy", ["sampling"]),
        ("alpha: 0.5", f"{EAGLE}, draft_sample_method: probabilistic", ["algorithm"]),
        (
            "allow_target_only_watermarking: true",
            f"{EAGLE}, draft_sample_method: probabilistic",
            [],
        ),
        (
            "algorithm: dual_key_gumbel",
            f"{EAGLE}, draft_sample_method: probabilistic, rejection_sample_method: block",
            ["rejection"],
        ),
        ("algorithm: dual_key_gumbel", f"{NGRAM}, draft_sample_method: probabilistic", ["method"]),
    ],
)
def test_watermarks(mark: str, inner: str, found: list[str]) -> None:
    watermark = f"watermark-config: {{key: 5, {mark}}}"
    config = f"speculative-config: {{{inner}}}"
    assert said(watermark, config) == [f"watermark-{name} error" for name in found]
    assert said(watermark) == []
    assert said(watermark, config, release="0.29.0") == []


def test_keys_of_one_method() -> None:
    share = "index_share_for_mtp_iteration: true"
    assert asked(NGRAM, share) == ["mtp-indices error"]
    assert asked("method: mtp, num_speculative_tokens: 4", share) == []
    assert asked("model: org/draft, num_speculative_tokens: 4", share) == []
    assert asked(EAGLE, "dspark_draft_topk: 8") == ["dspark-candidates error"]
    assert asked("method: dspark, num_speculative_tokens: 4", "dspark_draft_topk: 8") == []
    assert asked(NGRAM, "dspark_draft_topk: 8") == []  # no draft model: never looked at


@pytest.mark.parametrize(
    ("draft", "target", "speaks"),
    [("8193", "8192", True), ("8192", "8192", False), ("8193", "auto", False)],
)
def test_a_draft_goes_no_further(draft: str, target: str, speaks: bool) -> None:
    named = f"inference: {{max_model_len: {target}}}\n"
    length = f"max_model_len: {draft}"
    assert asked(DRAFT, length, named=named) == (["draft-length error"] if speaks else [])
    assert asked(NGRAM, length, named=named) == []


def test_fast_prefill() -> None:
    fast = "kv-sharing-fast-prefill: true"
    assert said(fast, f"speculative-config: {{{EAGLE}}}") == ["fast-prefill-heads error"]
    assert said(fast, f"speculative-config: {{{NGRAM}}}") == []
    assert said(fast) == []
    mtp = "speculative-config: {method: qwen3_next_mtp, num_speculative_tokens: 1}"
    assert said(fast, mtp) == ["fast-prefill-heads error"]


@pytest.mark.parametrize(
    ("inner", "speaks"),
    [
        ("suffix_decoding_min_token_prob: 1", False),
        ("suffix_decoding_min_token_prob: 1.01", True),
        ("suffix_decoding_min_token_prob: -0.1", True),
        ("suffix_decoding_max_tree_depth: 0", True),
        ("suffix_decoding_max_tree_depth: 1", False),
        ("suffix_decoding_max_cached_requests: 0", False),
        ("suffix_decoding_max_cached_requests: -1", True),
        ("suffix_decoding_max_spec_factor: -1", True),
        ("suffix_decoding_max_spec_factor: 0", False),
        ("suffix_decoding_max_spec_factor: much", False),
    ],
)
def test_suffix_decoding(inner: str, speaks: bool) -> None:
    assert asked("method: suffix", inner) == (["suffix-numbers error"] if speaks else [])
    assert asked(NGRAM, inner) == []
