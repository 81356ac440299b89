"""The part of a config.json that describes the language model.

What the file leaves out, transformers' class of the family fills in. The defaults here are of
transformers 5.19.0 (`models/*/configuration_*.py`), and only of families whose published
configurations do leave them out; anything else that is left out is not known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mixvllm.vllm.checkpoint.config import ModelConfig, whole
from mixvllm.vllm.checkpoint.json_file import Json
from mixvllm.vllm.memory.unknown import UnknownLayout

# Under which keys a model of several parts keeps its language model, outermost first.
_PATHS: Final = (
    ("thinker_config", "text_config"), ("text_config",), ("llm_config",), ("language_config",),
)  # fmt: skip
_EVEN: Final = {"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32}
_GEMMA_3: Final = {
    "hidden_size": 2304, "num_hidden_layers": 26, "num_attention_heads": 8,
    "num_key_value_heads": 4, "head_dim": 256, "sliding_window": 4096,
    "sliding_window_pattern": 6,
}  # fmt: skip
DEFAULTS: Final[Mapping[str, Mapping[str, int]]] = {
    "llama": _EVEN,
    "mistral": _EVEN | {"num_key_value_heads": 8, "sliding_window": 4096},
    "ministral": {"num_key_value_heads": 8, "sliding_window": 4096},
    "ministral3": {"num_key_value_heads": 8},
    "mixtral": {"num_key_value_heads": 8},
    "phimoe": {"num_key_value_heads": 8},
    "qwen3": {"head_dim": 128},
    "qwen3_vl_text": {"head_dim": 128},
    "qwen3_vl_moe_text": {"head_dim": 128},
    "gemma": {"head_dim": 256, "num_key_value_heads": 16},
    "gemma2": {
        "head_dim": 256, "num_key_value_heads": 4, "sliding_window": 4096,
        "sliding_window_pattern": 2,
    },
    "gemma3_text": _GEMMA_3,
    "gemma3n_text": {
        "head_dim": 256, "num_key_value_heads": 2, "num_attention_heads": 8,
        "num_hidden_layers": 35, "hidden_size": 2048, "sliding_window": 512,
        "sliding_window_pattern": 5, "num_kv_shared_layers": 15,
    },
    "gemma4_text": {
        "head_dim": 256, "global_head_dim": 512, "sliding_window": 512,
        "sliding_window_pattern": 6, "num_key_value_heads": 4, "num_attention_heads": 8,
        "num_hidden_layers": 30, "hidden_size": 2304,
    },
    "gpt_oss": {
        "head_dim": 64, "num_key_value_heads": 8, "sliding_window": 128,
        "sliding_window_pattern": 2,
    },
    "cohere2": {"head_dim": 128, "sliding_window": 4096, "sliding_window_pattern": 4},
    "exaone4": {"sliding_window": 4096, "sliding_window_pattern": 4},
    "olmo3": {"sliding_window": 4096, "sliding_window_pattern": 4},
    "glm_moe_dsa": {"index_topk": 2048, "index_head_dim": 128},
    "glm4": {"head_dim": 128, "num_key_value_heads": 2},
    "glm": {"head_dim": 128, "num_key_value_heads": 2},
    "seed_oss": {"head_dim": 128, "num_key_value_heads": 8},
    "ernie4_5": {"head_dim": 128},
    "minimax_m2": {"head_dim": 128},
    "starcoder2": {"num_key_value_heads": 2},
    "smollm3": {"num_key_value_heads": 4},
    "llama4_text": {
        "hidden_size": 5120, "num_hidden_layers": 48, "num_attention_heads": 40, "head_dim": 128,
        "num_key_value_heads": 8, "attention_chunk_size": 8192,
    },
    "qwen3_next": {
        "head_dim": 256, "num_key_value_heads": 2, "full_attention_interval": 4,
        "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_value_head_dim": 128,
        "linear_num_key_heads": 16, "linear_num_value_heads": 32,
    },
    "qwen3_5_text": {"head_dim": 256, "full_attention_interval": 4},
    "qwen3_5_moe_text": {"head_dim": 256, "full_attention_interval": 4},
    "jamba": {
        "num_key_value_heads": 8, "attn_layer_period": 8, "attn_layer_offset": 4,
        "mamba_d_state": 16, "mamba_d_conv": 4, "mamba_expand": 2,
    },
    "lfm2": {"num_key_value_heads": 8, "conv_L_cache": 3},
    "lfm2_moe": {"num_key_value_heads": 8, "conv_L_cache": 3},
    "falcon": {"num_hidden_layers": 32, "num_attention_heads": 71, "hidden_size": 4544},
    "mamba": {"state_size": 16, "expand": 2, "conv_kernel": 4},
    "falcon_mamba": {"state_size": 16, "expand": 2, "conv_kernel": 4},
    "mamba2": {
        "num_heads": 128, "head_dim": 64, "state_size": 128, "expand": 2, "conv_kernel": 4,
        "n_groups": 8,
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """Keys of a language model, with its family's defaults behind them."""

    family: str  # its model_type
    values: Mapping[str, Json]

    @classmethod
    def of(cls, config: ModelConfig) -> "Part":
        """The language model's part of a whole config.json. Raises UnknownLayout."""
        for path in _PATHS:
            found: Json = dict(config.values)
            for key in path:
                found = found.get(key) if isinstance(found, dict) else None
            if isinstance(found, dict):
                family = found.get("model_type")
                return cls(family if isinstance(family, str) else config.model_type, found)
        if not config.model_type:
            raise UnknownLayout("config.json names no model_type")
        return cls(config.model_type, config.values)

    def get(self, key: str) -> Json:
        """What the file says, or else its family's default; None for neither."""
        if key in self.values:
            return self.values[key]
        return DEFAULTS.get(self.family, {}).get(key)

    def optional(self, *keys: str) -> int | None:
        """The first of the keys that holds a number above 0."""
        stated = (whole(self.get(key)) for key in keys)
        return next((number for number in stated if number is not None), None)

    def stated(self, *keys: str) -> int | None:
        """The same, where anything else in them but null is not known."""
        for key in keys:
            if self.get(key) is not None:
                return self.number(key)
        return None

    def number(self, *keys: str) -> int:
        """A number that must be known."""
        if (number := self.optional(*keys)) is None:
            raise UnknownLayout(f"config.json of {self.family} has no number for {keys[0]}")
        return number

    def words(self, key: str) -> tuple[str, ...] | None:
        """A list of names, one a layer; None when there is none."""
        listed = self.get(key)
        if not isinstance(listed, list):
            return None
        return tuple(word if isinstance(word, str) else "" for word in listed)
