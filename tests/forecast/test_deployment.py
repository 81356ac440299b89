"""What vLLM would make of a profile's settings."""

import pytest

from mixvllm.forecast.deployment import Target, deployment_of, laid_over, not_followed
from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.memory.deployment import Deployment
from tests.forecast.questions import GIB, asked, card, model

CONFIG = model().config


def plan(release: str = "0.32.0", gib: float = 79.2, **given: object) -> Deployment:
    return deployment_of(asked(release, **given), CONFIG, Target(release), card(gib))


def test_a_release_has_its_own_share_of_a_card() -> None:
    assert plan("0.12.0").gpu_memory_utilization == 0.9
    assert plan("0.32.0").gpu_memory_utilization == 0.92
    assert plan(gpu_memory_utilization=0.5).gpu_memory_utilization == 0.5


def test_batches_go_by_the_card() -> None:
    large, small = plan(), plan(gib=23.5)
    assert (large.max_num_seqs, large.max_num_batched_tokens) == (1024, 8192)
    assert (small.max_num_seqs, small.max_num_batched_tokens) == (256, 2048)
    assert plan(max_num_seqs=16, max_num_batched_tokens="4k").max_num_batched_tokens == 4000


def test_the_longest_request_is_the_models_own_unless_it_is_given() -> None:
    assert plan().max_model_len == 40960
    assert plan(max_model_len="16K").max_model_len == 16384
    fits = plan(max_model_len=-1)
    assert (fits.max_model_len, fits.fit_max_model_len) == (40960, True)
    assert plan(max_model_len="auto").fit_max_model_len


@pytest.mark.parametrize(
    ("named", "written", "capability", "runner", "expected"),
    [
        ("auto", "bfloat16", (9, 0), None, "bfloat16"),
        ("auto", "bfloat16", (7, 5), None, "float16"),
        ("auto", "float32", (9, 0), None, "bfloat16"),
        ("auto", "float32", (7, 5), None, "float16"),
        ("auto", "float32", (9, 0), "pooling", "float16"),
        ("auto", "float16", (9, 0), None, "float16"),
        ("half", "bfloat16", (9, 0), None, "float16"),
        ("float", "bfloat16", (9, 0), None, "float32"),
    ],
)
def test_the_type_of_the_weights(
    named: str, written: str, capability: tuple[int, int], runner: str | None, expected: str
) -> None:
    config = ModelConfig({**CONFIG.values, "torch_dtype": written})
    found = deployment_of(
        asked(dtype=named, runner=runner or "auto"), config, Target("0.32.0"),
        card(40, capability=capability),
    )  # fmt: skip
    assert found.dtype == expected


def test_gemma_3_is_never_run_in_16_bits_of_another_kind() -> None:
    config = ModelConfig({**CONFIG.values, "model_type": "gemma3_text", "torch_dtype": "float16"})
    old = card(15, capability=(7, 5))
    assert deployment_of(asked(), config, Target("0.32.0"), old).dtype == "float32"


def test_on_the_cpu_the_variable_is_the_size_of_the_cache() -> None:
    space = {"VLLM_CPU_KVCACHE_SPACE": "2"}
    both = asked(kv_cache_memory_bytes=GIB)
    assert _on_the_cpu(both, space).kv_cache_memory_bytes == 2 * GIB
    assert _on_the_cpu(both, {}).kv_cache_memory_bytes == GIB
    assert _on_the_cpu(asked(), {}).kv_cache_memory_bytes is None
    here = deployment_of(asked(), CONFIG, Target("0.32.0", "cuda", space), None)
    assert here.kv_cache_memory_bytes is None


def _on_the_cpu(given: object, environ: dict[str, str]) -> Deployment:
    return deployment_of(given, CONFIG, Target("0.32.0", "cpu", environ), None)  # type: ignore[arg-type]


def test_two_batches_are_under_way_from_0_14_on() -> None:
    assert not plan("0.12.0").async_scheduling
    assert plan("0.14.1").async_scheduling
    assert not plan(async_scheduling=False).async_scheduling
    assert not plan(speculative_config={"method": "suffix"}).async_scheduling
    assert plan(speculative_config='{"method": "eagle3", "model": "x"}').async_scheduling


def test_graphs_are_captured_unless_it_is_eager() -> None:
    assert max(plan().cudagraph_capture_sizes) == 512
    assert plan(enforce_eager=True).cudagraph_capture_sizes == ()
    assert plan(compilation_config={"cudagraph_mode": "NONE"}).cudagraph_capture_sizes == ()
    assert plan(cudagraph_capture_sizes=[1, 2, 4]).cudagraph_capture_sizes == (1, 2, 4)


def test_layers_of_a_pipeline_go_by_the_variable() -> None:
    environ = {"VLLM_PP_LAYER_PARTITION": "20,16"}
    target = Target("0.32.0", environ=environ)
    found = deployment_of(asked(pipeline_parallel_size=2), CONFIG, target, None)
    assert found.pp_layer_partition == (20, 16)


def test_overrides_lie_over_the_configuration() -> None:
    given = asked(hf_overrides={"num_hidden_layers": 2, "rope_scaling": {"factor": 2.0}})
    config = ModelConfig({**CONFIG.values, "rope_scaling": {"rope_type": "yarn"}})
    values = laid_over(config, given).values
    assert values["num_hidden_layers"] == 2
    assert values["rope_scaling"] == {"rope_type": "yarn", "factor": 2.0}
    assert laid_over(config, asked()) is config


def test_what_is_not_followed_is_said() -> None:
    draft = asked(speculative_config={"method": "eagle3", "model": "org/draft"})
    assert any("draft" in what for what in not_followed(draft))
    assert any("num-gpu-blocks" in what for what in not_followed(asked(num_gpu_blocks_override=9)))
    index = asked(attention_config={"indexer_kv_dtype": "mxfp4"})
    assert any("index of sparse attention" in what for what in not_followed(index))
    assert not list(not_followed(asked()))
