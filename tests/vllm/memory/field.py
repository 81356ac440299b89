"""What real starts of vLLM logged: weights, and what else was taken from the budget, in GiB.

Each is one start that somebody made public, in vLLM's issues or with a repository's logs.
"""

from dataclasses import dataclass, replace

from mixvllm.testing.public_configs import PUBLIC
from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.checkpoint.json_file import Json
from mixvllm.vllm.memory.capture_sizes import capture_sizes
from mixvllm.vllm.memory.deployment import Deployment

_QWEN3_235B = "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8"
_LLAVA: dict[str, Json] = {
    "architectures": ["LlavaForConditionalGeneration"],
    "model_type": "llava",
    "text_config": {
        "model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008,
        "num_hidden_layers": 32, "num_attention_heads": 32, "vocab_size": 32064,
    },
    "vision_config": {"hidden_size": 1024, "intermediate_size": 4096},
}  # fmt: skip
_QWEN3_8_27B: dict[str, Json] = {
    "architectures": ["Qwen3_5ForConditionalGeneration"],
    "model_type": "qwen3_5",
    "text_config": {
        "model_type": "qwen3_5_text", "hidden_size": 5120, "intermediate_size": 17408,
        "num_hidden_layers": 64, "num_attention_heads": 24, "vocab_size": 248320,
        "linear_num_value_heads": 48,
    },
    "vision_config": {"hidden_size": 1152, "intermediate_size": 4304},
}  # fmt: skip


@dataclass(frozen=True)
class Start:
    """One start."""

    name: str
    config: dict[str, Json]
    plan: Deployment
    weights: float | None = None  # "Model loading took", of one rank
    taken: float | None = None  # budget - weights - KV cache, of one rank
    graphs: float | None = None  # "Graph capturing finished"

    @property
    def model(self) -> ModelConfig:
        return ModelConfig(self.config)

    @property
    def deployment(self) -> Deployment:
        sizes = capture_sizes(self.plan, self.model)
        return replace(self.plan, cudagraph_capture_sizes=sizes)


def _start(
    name: str,
    release: str,
    *,
    config: dict[str, Json] | None = None,
    tp: int = 1,
    seqs: int = 256,
    tokens: int = 2048,
    expert_parallel: bool = False,
    capability: tuple[int, int] | None = None,
    **seen: float,
) -> Start:
    plan = Deployment(
        release, tensor_parallel=tp, max_num_seqs=seqs, max_num_batched_tokens=tokens,
        expert_parallel=expert_parallel, compute_capability=capability,
    )  # fmt: skip
    return Start(f"{name} {release} tp{tp}", config or PUBLIC[name], plan, **seen)


STARTS = (
    _start("meta-llama/Meta-Llama-3-8B", "0.6.4", tokens=8192, weights=14.96, taken=3.05),
    _start("meta-llama/Meta-Llama-3-8B", "0.6.4", tp=2, tokens=8192, weights=7.48, taken=4.84),
    _start("google/gemma-3-27b-it", "0.11.0", seqs=1024, tokens=8192, weights=51.79, graphs=1.02),
    _start("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", "0.11.2", tp=4, weights=16.9619),
    _start("Qwen/Qwen3-30B-A3B-Instruct-2507-FP8", "0.10.2", weights=29.09),
    _start("openai/gpt-oss-120b", "0.14.1", capability=(9, 0), weights=64.38),
    _start("Qwen/Qwen3-8B-FP8", "0.10.2", weights=8.8, taken=1.42, graphs=0.68),
    _start(_QWEN3_235B, "0.27.0", tp=4, seqs=32, tokens=8192, weights=55.19, taken=2.47),
    _start(_QWEN3_235B, "0.10.2", tp=8, expert_parallel=True, taken=1.61, graphs=3.45),
    _start("Qwen/Qwen2.5-1.5B-Instruct", "0.11.2", weights=2.8871, taken=1.45, graphs=0.49),
    _start("Qwen/Qwen2-7B-Instruct", "0.8.5", tp=2, weights=7.1217),
    _start("zai-org/GLM-5.1-FP8", "0.19.1", tp=8, seqs=1024, tokens=8192, weights=89.39),
    _start("Qwen/Qwen3-8B", "0.9.2", weights=15.2683, taken=1.5),
    _start("Qwen/Qwen2.5-VL-72B-Instruct", "0.8.3", tp=4, weights=34.43, taken=2.94),
    _start("Qwen/Qwen3-0.6B-GPTQ-Int4", "0.19.1", tokens=8192, taken=0.64, graphs=0.46),
    _start("Qwen/Qwen2.5-0.5B-Instruct", "0.27.1", taken=0.62),
    _start("Qwen/Qwen2.5-0.5B-Instruct", "0.27.1", taken=0.81),
    _start("llava-7b", "0.10.2", config=_LLAVA, tokens=16384, taken=2.04, graphs=0.67),
    _start(
        "Qwen/Qwen3-Next-80B-A3B-Instruct", "0.10.2", tp=2, seqs=1024, tokens=8192,
        taken=6.96, graphs=2.37,
    ),
    _start("Qwen3.8-27B", "0.28.0", config=_QWEN3_8_27B, taken=2.96),
)  # fmt: skip
