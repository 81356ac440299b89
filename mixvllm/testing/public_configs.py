"""What config.json says of well-known public models: the keys that decide on memory."""

from collections.abc import Mapping
from typing import Final

from mixvllm.vllm.checkpoint.json_file import Json

Config = dict[str, Json]


def _config(
    family: str, architecture: str, layers: int, hidden: int, inner: int, heads: str, **more: Json
) -> Config:
    """``heads`` is attention heads, KV heads and, where it is not hidden / heads, their size."""
    attention, kv, *size = (int(number) for number in heads.split())
    return {
        "architectures": [architecture],
        "model_type": family,
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_attention_heads": attention,
        "num_key_value_heads": kv,
        **({"head_dim": size[0]} if size else {}),
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        **more,
    }


_FP8_BLOCKS: Final[Config] = {
    "quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
    "weight_block_size": [128, 128],
}  # fmt: skip
_FP8_DYNAMIC: Final[Config] = {
    "quant_method": "compressed-tensors", "format": "float-quantized", "ignore": ["lm_head"],
    "quantization_status": "compressed",
    "config_groups": {"group_0": {
        "targets": ["Linear"],
        "weights": {
            "num_bits": 8, "type": "float", "strategy": "channel", "symmetric": True,
            "dynamic": False,
        },
        "input_activations": {
            "num_bits": 8, "type": "float", "strategy": "token", "symmetric": True,
            "dynamic": True,
        },
    }},
}  # fmt: skip
_AWQ: Final[Config] = {
    "quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True, "version": "gemm",
}  # fmt: skip
_GPTQ: Final[Config] = {
    "quant_method": "gptq", "bits": 4, "group_size": 128, "sym": True, "desc_act": False,
}  # fmt: skip
_MXFP4: Final[Config] = {"quant_method": "mxfp4"}

_LLAMA = "LlamaForCausalLM"
_QWEN3 = "Qwen3ForCausalLM"
_QWEN3_MOE = "Qwen3MoeForCausalLM"
_8B = _config(
    "llama", _LLAMA, 32, 4096, 14336, "32 8", vocab_size=128256, max_position_embeddings=8192
)
_70B = _config(
    "llama", _LLAMA, 80, 8192, 28672, "64 8", vocab_size=128256, max_position_embeddings=131072
)
_QWEN3_8B = _config(
    "qwen3", _QWEN3, 36, 4096, 12288, "32 8 128", vocab_size=151936, max_position_embeddings=40960
)
_QWEN3_06B = _config(
    "qwen3", _QWEN3, 28, 1024, 3072, "16 8 128", vocab_size=151936,
    max_position_embeddings=40960, tie_word_embeddings=True,
)  # fmt: skip
_QWEN3_30B = _config(
    "qwen3_moe", _QWEN3_MOE, 48, 2048, 6144, "32 4 128", vocab_size=151936,
    max_position_embeddings=40960, num_experts=128, num_experts_per_tok=8,
    moe_intermediate_size=768,
)  # fmt: skip
_QWEN3_235B = _config(
    "qwen3_moe", _QWEN3_MOE, 94, 4096, 12288, "64 4 128", vocab_size=151936,
    max_position_embeddings=262144, num_experts=128, num_experts_per_tok=8,
    moe_intermediate_size=1536,
)  # fmt: skip
_LATENT: Final[Config] = {
    "first_k_dense_replace": 3, "n_routed_experts": 256, "n_shared_experts": 1,
    "num_experts_per_tok": 8, "moe_intermediate_size": 2048, "kv_lora_rank": 512,
    "qk_rope_head_dim": 64, "num_nextn_predict_layers": 1, "quantization_config": _FP8_BLOCKS,
}  # fmt: skip

PUBLIC: Final[Mapping[str, Config]] = {
    "meta-llama/Meta-Llama-3-8B": _8B,
    "meta-llama/Llama-3.3-70B-Instruct": _70B,
    "RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic": {**_70B, "quantization_config": _FP8_DYNAMIC},
    "casperhansen/llama-3.3-70b-instruct-awq": {
        **_70B, "torch_dtype": "float16", "quantization_config": _AWQ,
    },
    "mistralai/Mixtral-8x7B-Instruct-v0.1": _config(
        "mixtral", "MixtralForCausalLM", 32, 4096, 14336, "32 8", vocab_size=32000,
        max_position_embeddings=32768, num_local_experts=8, num_experts_per_tok=2,
    ),
    "Qwen/Qwen2-7B-Instruct": _config(
        "qwen2", "Qwen2ForCausalLM", 28, 3584, 18944, "28 4", vocab_size=152064,
        max_position_embeddings=32768,
    ),
    "Qwen/Qwen2.5-1.5B-Instruct": _config(
        "qwen2", "Qwen2ForCausalLM", 28, 1536, 8960, "12 2", vocab_size=151936,
        max_position_embeddings=32768, tie_word_embeddings=True,
    ),
    "Qwen/Qwen2.5-0.5B-Instruct": _config(
        "qwen2", "Qwen2ForCausalLM", 24, 896, 4864, "14 2", vocab_size=151936,
        max_position_embeddings=32768, tie_word_embeddings=True,
    ),
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B": _config(
        "qwen2", "Qwen2ForCausalLM", 48, 5120, 13824, "40 8", vocab_size=152064,
        max_position_embeddings=131072,
    ),
    "Qwen/Qwen2.5-VL-72B-Instruct": _config(
        "qwen2_5_vl", "Qwen2_5_VLForConditionalGeneration", 80, 8192, 29568, "64 8",
        vocab_size=152064, max_position_embeddings=128000,
        rope_scaling={"type": "mrope", "mrope_section": [16, 24, 24]},
        vision_config={
            "depth": 32, "hidden_size": 1280, "intermediate_size": 3456, "num_heads": 16,
            "patch_size": 14, "out_hidden_size": 8192,
        },
    ),
    "Qwen/Qwen3-0.6B": _QWEN3_06B,
    "Qwen/Qwen3-0.6B-GPTQ-Int4": {**_QWEN3_06B, "quantization_config": _GPTQ},
    "Qwen/Qwen3-8B": _QWEN3_8B,
    "Qwen/Qwen3-8B-FP8": {**_QWEN3_8B, "quantization_config": _FP8_BLOCKS},
    "Qwen/Qwen3-14B": _config(
        "qwen3", _QWEN3, 40, 5120, 17408, "40 8 128", vocab_size=151936,
        max_position_embeddings=40960,
    ),
    "Qwen/Qwen3-30B-A3B": _QWEN3_30B,
    "Qwen/Qwen3-30B-A3B-Instruct-2507-FP8": {
        **_QWEN3_30B, "max_position_embeddings": 262144, "quantization_config": _FP8_BLOCKS,
    },
    "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8": {**_QWEN3_235B, "quantization_config": _FP8_BLOCKS},
    "Qwen/Qwen3-Next-80B-A3B-Instruct": _config(
        "qwen3_next", "Qwen3NextForCausalLM", 48, 2048, 5120, "16 2 256", vocab_size=151936,
        max_position_embeddings=262144, num_experts=512, num_experts_per_tok=10,
        moe_intermediate_size=512, shared_expert_intermediate_size=512,
        full_attention_interval=4, linear_conv_kernel_dim=4, linear_key_head_dim=128,
        linear_value_head_dim=128, linear_num_key_heads=16, linear_num_value_heads=32,
        partial_rotary_factor=0.25, decoder_sparse_step=1, norm_topk_prob=True,
    ),
    "LGAI-EXAONE/EXAONE-4.0-32B": _config(
        "exaone4", "Exaone4ForCausalLM", 64, 5120, 27392, "40 8 128", vocab_size=102400,
        max_position_embeddings=131072, sliding_window=4096, sliding_window_pattern="LLLG",
        layer_types=[*["sliding_attention"] * 3, "full_attention"] * 16,
    ),
    "google/gemma-3-27b-it": {
        "architectures": ["Gemma3ForConditionalGeneration"],
        "model_type": "gemma3",
        "torch_dtype": "bfloat16",
        "text_config": _config(
            "gemma3_text", "Gemma3ForCausalLM", 62, 5376, 21504, "32 16 128", vocab_size=262208,
            max_position_embeddings=131072, tie_word_embeddings=True,
            rope_local_base_freq=10000.0, rope_scaling={"rope_type": "linear", "factor": 8.0},
        ),
        "vision_config": {
            "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27,
            "num_attention_heads": 16, "patch_size": 14, "image_size": 896,
        },
    },
    "openai/gpt-oss-120b": _config(
        "gpt_oss", "GptOssForCausalLM", 36, 2880, 2880, "64 8 64", vocab_size=201088,
        max_position_embeddings=131072, num_local_experts=128, num_experts_per_tok=4,
        quantization_config=_MXFP4,
    ),
    "deepseek-ai/DeepSeek-V3": {
        **_config(
            "deepseek_v3", "DeepseekV3ForCausalLM", 61, 7168, 18432, "128 128",
            vocab_size=129280, max_position_embeddings=163840,
        ),
        **_LATENT, "q_lora_rank": 1536, "qk_nope_head_dim": 128, "v_head_dim": 128,
    },
    "zai-org/GLM-5.1-FP8": {
        **_config(
            "glm_moe_dsa", "GlmMoeDsaForCausalLM", 78, 6144, 12288, "64 64", vocab_size=154880,
            max_position_embeddings=202752,
        ),
        **_LATENT, "q_lora_rank": 2048, "qk_nope_head_dim": 192, "v_head_dim": 256,
        "index_n_heads": 32, "index_head_dim": 128, "index_topk": 2048,
    },
}  # fmt: skip
