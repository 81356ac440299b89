"""What config.json of well-known models says of attention. Facts, as published with the models."""

from typing import Final

from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.checkpoint.json_file import Json

Values = dict[str, Json]


def _of(architecture: str, model_type: str, **values: Json) -> Values:
    common: Values = {
        "architectures": [architecture], "model_type": model_type, "torch_dtype": "bfloat16",
        "vocab_size": 1024, "intermediate_size": 1024,
    }  # fmt: skip
    return common | values


def _gqa(hidden: int, layers: int, heads: int, kv: int, length: int, **values: Json) -> Values:
    return {
        "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
        "num_key_value_heads": kv, "max_position_embeddings": length,
    } | values  # fmt: skip


def _experts(count: int = 4) -> Values:
    """Of a model of experts: fewer and smaller than published, which no cache depends on."""
    return {
        "num_experts": count, "num_local_experts": count, "n_routed_experts": count,
        "num_experts_per_tok": 2, "moe_intermediate_size": 128, "decoder_sparse_step": 1,
        "norm_topk_prob": True,
    }  # fmt: skip


def _mla(layers: int, hidden: int, heads: int, length: int, **values: Json) -> Values:
    return _gqa(hidden, layers, heads, heads, length) | {
        "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
        "v_head_dim": 128, "n_shared_experts": 1, "first_k_dense_replace": 1, "n_group": 1,
        "topk_group": 1, "scoring_func": "sigmoid", "topk_method": "noaux_tc",
        "routed_scaling_factor": 2.5, "moe_layer_freq": 1, "hidden_act": "silu",
        "rms_norm_eps": 1e-6, "rope_theta": 10000, "tie_word_embeddings": False,
    } | _experts() | values  # fmt: skip


_NEMOTRON: Final = "M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-"
_KDA: Final = [n for n in range(1, 28) if n % 4 != 0 and n != 27]
_GRANITE: Final[list[Json]] = [
    "attention" if place in (5, 15, 25, 35) else "mamba" for place in range(40)
]
_ZAMBA: Final[list[Json]] = [
    "hybrid" if place in (5, 11, 17, 23, 29, 35) else "mamba" for place in range(38)
]
_LFM2: Final[list[Json]] = [
    "full_attention" if place in (2, 5, 8, 10, 12, 14) else "conv" for place in range(16)
]
_GEMMA_3N: Final[list[Json]] = [
    "sliding_attention" if (place + 1) % 5 else "full_attention" for place in range(35)
]
_DELTA: Final[Values] = {
    "full_attention_interval": 4, "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128,
    "linear_num_key_heads": 16, "linear_num_value_heads": 32, "linear_value_head_dim": 128,
    "partial_rotary_factor": 0.25, "shared_expert_intermediate_size": 128, "head_dim": 256,
}  # fmt: skip

MODELS: Final[dict[str, Values]] = {
    "Llama-3.1-8B": _of("LlamaForCausalLM", "llama", **_gqa(4096, 32, 32, 8, 131072)),
    "Llama-3.1-70B": _of("LlamaForCausalLM", "llama", **_gqa(8192, 80, 64, 8, 131072)),
    "Qwen2.5-7B": _of(
        "Qwen2ForCausalLM", "qwen2",
        **_gqa(3584, 28, 28, 4, 32768, use_sliding_window=False, sliding_window=131072,
               max_window_layers=28),
    ),
    "Qwen3-8B": _of("Qwen3ForCausalLM", "qwen3", **_gqa(4096, 36, 32, 8, 40960, head_dim=128)),
    "Qwen3-30B-A3B": _of(
        "Qwen3MoeForCausalLM", "qwen3_moe",
        **_gqa(2048, 48, 32, 4, 40960, head_dim=128), **_experts(),
    ),
    "Mistral-7B-v0.1": _of(
        "MistralForCausalLM", "mistral", **_gqa(4096, 32, 32, 8, 32768, sliding_window=4096)
    ),
    "Mistral-7B-v0.3": _of(
        "MistralForCausalLM", "mistral", **_gqa(4096, 32, 32, 8, 32768, sliding_window=None)
    ),
    "Mixtral-8x7B": _of(
        "MixtralForCausalLM", "mixtral",
        **_gqa(4096, 32, 32, 8, 32768, sliding_window=None), **_experts(),
    ),
    "Phi-3-mini-4k": _of(
        "Phi3ForCausalLM", "phi3",
        **_gqa(3072, 32, 32, 32, 4096, sliding_window=2047,
               original_max_position_embeddings=4096),
    ),
    "gemma-2-9b": _of(
        "Gemma2ForCausalLM", "gemma2",
        **_gqa(3584, 42, 16, 8, 8192, head_dim=256, sliding_window=4096,
               query_pre_attn_scalar=256),
    ),
    "gemma-3-27b": _of(
        "Gemma3ForCausalLM", "gemma3_text",
        **_gqa(5376, 62, 32, 16, 131072, head_dim=128, sliding_window=1024),
    ),
    "gemma-3n-E4B": _of(
        "Gemma3nForCausalLM", "gemma3n_text",
        **_gqa(2048, 35, 8, 2, 32768, head_dim=256, sliding_window=512,
               num_kv_shared_layers=15, layer_types=_GEMMA_3N) | {
            "intermediate_size": [1024] * 35, "activation_sparsity_pattern": [0.0] * 35,
            "vocab_size_per_layer_input": 1024, "hidden_size_per_layer_input": 256,
        },
    ),
    "gemma-4-31B": _of(
        "Gemma4ForCausalLM", "gemma4_text",
        **_gqa(5376, 60, 32, 16, 262144, head_dim=256, global_head_dim=512,
               num_global_key_value_heads=4, attention_k_eq_v=True, sliding_window=1024,
               hidden_size_per_layer_input=0, num_kv_shared_layers=0),
    ),
    "gpt-oss-20b": _of(
        "GptOssForCausalLM", "gpt_oss",
        **_gqa(2880, 24, 64, 8, 131072, head_dim=64, sliding_window=128), **_experts(),
    ),
    "gpt-oss-120b": _of(
        "GptOssForCausalLM", "gpt_oss",
        **_gqa(2880, 36, 64, 8, 131072, head_dim=64, sliding_window=128), **_experts(),
    ),
    "c4ai-command-r7b": _of(
        "Cohere2ForCausalLM", "cohere2",
        **_gqa(4096, 32, 32, 8, 132096, head_dim=128, sliding_window=4096,
               sliding_window_pattern=4, logit_scale=0.25),
    ),
    "EXAONE-4.0-32B": _of(
        "Exaone4ForCausalLM", "exaone4",
        **_gqa(5120, 64, 40, 8, 131072, head_dim=128, sliding_window=4096,
               sliding_window_pattern=4),
    ),
    "Llama-4-Scout": _of(
        "Llama4ForCausalLM", "llama4_text",
        **_gqa(5120, 48, 40, 8, 10485760, head_dim=128, attention_chunk_size=8192,
               intermediate_size_mlp=1024, interleave_moe_layer_step=1, use_qk_norm=True,
               attn_temperature_tuning=True), **_experts(),
    ),
    "GLM-4.5": _of(
        "Glm4MoeForCausalLM", "glm4_moe",
        **_gqa(5120, 92, 96, 8, 131072, head_dim=128, first_k_dense_replace=3, n_group=1,
               topk_group=1, n_shared_experts=1, routed_scaling_factor=2.5, use_qk_norm=True,
               num_nextn_predict_layers=1, attention_bias=True, partial_rotary_factor=0.5),
        **_experts(),
    ),
    "falcon-7b": {
        "architectures": ["FalconForCausalLM"], "model_type": "falcon", "torch_dtype": "bfloat16",
        "hidden_size": 4544, "num_attention_heads": 71, "num_hidden_layers": 32,
        "multi_query": True, "new_decoder_architecture": False, "vocab_size": 1024,
        "bias": False, "parallel_attn": True, "alibi": False, "max_position_embeddings": 2048,
    },
    "gpt2": {
        "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_embd": 768, "n_head": 12,
        "n_layer": 12, "n_positions": 1024, "n_ctx": 1024, "vocab_size": 1024,
        "torch_dtype": "bfloat16",
    },
    "opt-6.7b": {
        "architectures": ["OPTForCausalLM"], "model_type": "opt", "hidden_size": 4096,
        "num_attention_heads": 32, "num_hidden_layers": 32, "ffn_dim": 1024, "vocab_size": 1024,
        "max_position_embeddings": 2048, "word_embed_proj_dim": 4096,
        "do_layer_norm_before": True, "torch_dtype": "float16",
    },
    "DeepSeek-V2-Lite": _of(
        "DeepseekV2ForCausalLM", "deepseek_v2", **_mla(27, 2048, 16, 163840, q_lora_rank=None)
    ),
    "DeepSeek-V3": _of("DeepseekV3ForCausalLM", "deepseek_v3", **_mla(61, 7168, 128, 163840)),
    "DeepSeek-V4-Flash": _of(
        "DeepseekV4ForCausalLM", "deepseek_v4",
        **_gqa(4096, 43, 64, 1, 1048576, head_dim=512, index_head_dim=128, index_topk=512,
               sliding_window=128, compress_ratios=[0, 0, *[4, 128] * 20, 4, 0]), **_experts(),
    ),
    "Kimi-K2": _of("DeepseekV3ForCausalLM", "kimi_k2", **_mla(61, 7168, 64, 131072)),
    "GLM-5.1": _of(
        "GlmMoeDsaForCausalLM", "glm_moe_dsa",
        **_mla(78, 6144, 64, 202752, index_topk=2048, index_head_dim=128, index_n_heads=32,
               num_nextn_predict_layers=1, qk_nope_head_dim=192, v_head_dim=256,
               q_lora_rank=2048),
    ),
    "Step-3.5-Flash": _of(
        "Step3p5ForCausalLM", "step3p5",
        **_gqa(4096, 45, 64, 8, 262144, head_dim=128, num_attention_groups=8, sliding_window=512,
               layer_types=["full_attention", *["sliding_attention"] * 3] * 12, max_seq_len=262144,
               attention_other_setting={"attention_type": "sliding_attention", "head_dim": 128,
                                        "num_attention_heads": 96, "num_attention_groups": 8},
               moe_layers_enum="3,44", moe_num_experts=4, moe_top_k=2, share_expert_dim=128,
               moe_intermediate_size=128, use_moe=True, rope_theta=10000, use_qk_norm=True),
    ),
    "Qwen3-Next-80B": _of(
        "Qwen3NextForCausalLM", "qwen3_next",
        **_gqa(2048, 48, 16, 2, 262144), **_DELTA, **_experts(),
    ),
    "Qwen3.5-122B": _of(
        "Qwen3_5MoeForCausalLM", "qwen3_5_moe_text", mamba_ssm_dtype="float32",
        **_gqa(3072, 48, 32, 2, 262144),
        **_DELTA | {"linear_num_value_heads": 64}, **_experts(),
    ),
    "Jamba-1.5-mini": _of(
        "JambaForCausalLM", "jamba",
        **_gqa(4096, 32, 32, 8, 262144, attn_layer_period=8, attn_layer_offset=4,
               mamba_d_state=16, mamba_d_conv=4, mamba_expand=2, mamba_dt_rank=256,
               expert_layer_period=2, expert_layer_offset=1), **_experts(),
    ),
    "Nemotron-H-8B": _of(
        "NemotronHForCausalLM", "nemotron_h",
        **_gqa(4096, 52, 32, 8, 8192, head_dim=128, hybrid_override_pattern=_NEMOTRON,
               mamba_num_heads=128, mamba_head_dim=64, n_groups=8, ssm_state_size=128,
               conv_kernel=4, chunk_size=128, layer_norm_epsilon=1e-5, mlp_bias=False,
               attention_bias=False, use_bias=False, mlp_hidden_act="relu2"),
    ),
    "granite-4.0-h-tiny": _of(
        "GraniteMoeHybridForCausalLM", "granitemoehybrid",
        **_gqa(1536, 40, 12, 4, 131072, layer_types=_GRANITE, mamba_d_conv=4, mamba_d_head=64,
               mamba_d_state=128, mamba_expand=2, mamba_n_groups=1, mamba_n_heads=48,
               shared_intermediate_size=1024, mamba_chunk_size=256, attention_multiplier=0.0078125,
               position_embedding_type="nope"), **_experts(),
    ),
    "Falcon-H1-1.5B": _of(
        "FalconH1ForCausalLM", "falcon_h1",
        **_gqa(2048, 24, 8, 2, 131072, head_dim=128, mamba_d_ssm=3072, mamba_n_heads=48,
               mamba_d_head=64, mamba_n_groups=1, mamba_d_state=256, mamba_d_conv=4,
               mamba_expand=2),
    ),
    "Zamba2-1.2B": _of(
        "Zamba2ForCausalLM", "zamba2",
        **_gqa(2048, 38, 32, 32, 4096, attention_head_dim=128, attention_hidden_size=4096,
               layers_block_type=_ZAMBA, n_mamba_heads=64, mamba_headdim=64, mamba_ngroups=1,
               mamba_d_state=128, mamba_d_conv=4, mamba_expand=2, num_mem_blocks=1, chunk_size=256,
               adapter_rank=128, use_mem_rope=True, use_shared_attention_adapter=False,
               hidden_act="gelu", rms_norm_eps=1e-5, add_bias_linear=False),
    ),
    "LFM2-1.2B": _of(
        "Lfm2ForCausalLM", "lfm2",
        **_gqa(2048, 16, 32, 8, 128000, layer_types=_LFM2, conv_L_cache=3, conv_dim=2048,
               block_ff_dim=2048, block_dim=2048, block_multiple_of=256,
               block_ffn_dim_multiplier=1.0, block_auto_adjust_ff_dim=True, norm_eps=1e-5),
    ),
    "Kimi-Linear-48B": _of(
        "KimiLinearForCausalLM", "kimi_linear",
        **_mla(27, 2304, 32, 1048576, q_lora_rank=None, head_dim=72, linear_attn_config={
            "kda_layers": list(_KDA), "full_attn_layers": [4, 8, 12, 16, 20, 24, 27],
            "head_dim": 128, "num_heads": 32, "short_conv_kernel_size": 4,
        }, num_shared_experts=1, num_experts_per_token=2, moe_router_activation_func="sigmoid",
               moe_renormalize=True, num_expert_group=1, mla_use_nope=True,
               model_max_length=1048576),
    ),
    "mamba-2.8b": {
        "architectures": ["MambaForCausalLM"], "model_type": "mamba", "hidden_size": 2560,
        "intermediate_size": 5120, "state_size": 16, "conv_kernel": 4, "expand": 2,
        "num_hidden_layers": 64, "vocab_size": 1024, "time_step_rank": 160, "use_bias": False,
        "use_conv_bias": True, "hidden_act": "silu", "layer_norm_epsilon": 1e-5,
        "torch_dtype": "bfloat16", "max_position_embeddings": 2048,
    },
    "whisper-large-v3": {
        "architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper",
        "d_model": 1280, "decoder_attention_heads": 20, "decoder_layers": 32,
        "encoder_attention_heads": 20, "encoder_layers": 2, "decoder_ffn_dim": 1024,
        "encoder_ffn_dim": 1024, "max_target_positions": 448, "max_source_positions": 1500,
        "num_mel_bins": 128, "vocab_size": 51866, "is_encoder_decoder": True,
        "torch_dtype": "float16", "num_hidden_layers": 32, "max_length": 448,
    },
}  # fmt: skip


def config_of(name: str) -> ModelConfig:
    """A model's configuration."""
    return ModelConfig(MODELS[name])
