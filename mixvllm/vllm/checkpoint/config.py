"""What a model's config.json says of itself, as vLLM reads it.

transformers fills in what the file leaves out, from classes that are not here. So only what is
written is used, and what is not written is None: unknown. vLLM 0.32.0, `config/model.py` and
`transformers_utils/model_arch_config_convertor.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from mixvllm.vllm.checkpoint.json_file import Json
from mixvllm.vllm.table import numbers

# Under these keys a model of several parts keeps the configuration of its language model.
_TEXT: Final = ("text_config", "llm_config")
_OTHER_PARTS: Final = (
    "language_config", "thinker_config", "decoder", "generator", "text_encoder", "talker_config",
)  # fmt: skip
_LENGTHS: Final = (
    "max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "model_max_length",
    "max_target_positions", "max_sequence_length", "max_seq_length", "seq_len",
)  # fmt: skip
# Families whose own name for the number of heads transformers translates (its `attribute_map`).
_HEADS: Final[Mapping[str, str]] = {
    "whisper": "encoder_attention_heads", "gpt2": "n_head", "gptj": "n_head", "bloom": "n_head",
    "mpt": "n_heads",
}  # fmt: skip
_KV_HEADS: Final = (
    "n_head_kv", "num_kv_heads", "num_key_value_heads", "multi_query_group_num",
    "num_attention_groups",
)  # fmt: skip
# Kinds of rotary scaling whose factor is in max_position_embeddings already. YaRN was scaled
# from its original length before 0.30.
_SCALED: Final = {"su", "longrope", "llama3"}
_YARN: Final = {"yarn", "deepseek_yarn", "deepseek_llama_scaling"}
_YARN_IS_SCALED: Final = "0.30.0"
_LARGEST: Final = 2**50  # what is more is no number of heads, tokens or the like
_LONGEST_NAME: Final = 200  # letters; what is longer is no name
_NONE: Final[Mapping[str, Json]] = {}


@dataclass(frozen=True, slots=True)
class Longest:
    """The longest request in tokens, and the key of config.json that says so."""

    tokens: int
    key: str


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A config.json, with the quantisation that may stand in a file beside it."""

    values: Mapping[str, Json]
    beside: Mapping[str, Json] = field(default_factory=dict)  # e.g. hf_quant_config.json

    @property
    def architectures(self) -> tuple[str, ...]:
        """The classes that can load the weights, first choice first."""
        listed = self.values.get("architectures")
        return tuple(filter(None, map(_text, listed))) if isinstance(listed, list) else ()

    @property
    def model_type(self) -> str:
        """The family, e.g. ``qwen3``; "" when it is not said."""
        return _text(self.values.get("model_type"))

    @property
    def text(self) -> Mapping[str, Json]:
        """The language model's part; empty when it cannot be told where it is."""
        for key in _TEXT:
            if isinstance(part := self.values.get(key), dict):
                return part
        if any(isinstance(self.values.get(key), dict) for key in _OTHER_PARTS):
            return _NONE
        return self.values

    @property
    def heads(self) -> int | None:
        """Attention heads of a layer."""
        key = _HEADS.get(self.model_type, "num_attention_heads")
        return whole(self.text.get(key))

    @property
    def kv_heads(self) -> int | None:
        """Heads of the KV cache in a layer; as many as attention heads when nothing is said."""
        stated = (whole(self.text.get(key)) for key in _KV_HEADS)
        return next((heads for heads in stated if heads is not None), self.heads)

    @property
    def quantization(self) -> Mapping[str, Json] | None:
        """How the weights were quantised; None when they were not."""
        for holder in (self.values, self.values.get("text_config")):
            if isinstance(holder, Mapping):
                for key in ("quantization_config", "compression_config"):
                    if isinstance(found := holder.get(key), dict):
                        return found
        return self.beside or None

    @property
    def quantization_method(self) -> str:
        """The method's name as vLLM spells it; "" when there is none, or it is not said."""
        found = self.quantization or _NONE
        producer = found.get("producer")
        if isinstance(producer, dict) and producer.get("name") == "modelopt":
            return "modelopt"
        return _text(found.get("quant_method")).lower().replace("compressed_", "compressed-")

    @property
    def remote_code(self) -> Mapping[str, Json]:
        """``auto_map``: which classes of the repository's own Python files are to be used."""
        mapping = self.values.get("auto_map")
        return mapping if isinstance(mapping, dict) else _NONE

    def longest(self, release: str) -> Longest | None:
        """The longest request that a release allows (`_get_and_verify_max_len`)."""
        stated = [(n, key) for key in _LENGTHS if (n := whole(self.text.get(key)))]
        if not stated:
            return None
        tokens, key = min(stated, key=lambda pair: pair[0])
        if limit := whole(self.text.get("model_max_length")):
            tokens, key = limit, "model_max_length"
        if "gemma3" in self.model_type + _text(self.text.get("model_type")):
            return Longest(tokens, key)
        factors = [1.0]
        for scaling in self._rope():
            kind = _text(scaling.get("rope_type")) or _text(scaling.get("type"))
            factor = scaling.get("factor")
            if kind in _YARN and numbers(release) < numbers(_YARN_IS_SCALED):
                if (original := whole(scaling.get("original_max_position_embeddings"))) is None:
                    return None
                tokens, key = original, "original_max_position_embeddings x factor"
            elif kind in _YARN or kind in _SCALED:
                continue
            if isinstance(factor, int | float) and 0 < factor < _LARGEST:
                factors.append(float(factor))
        return Longest(int(tokens * max(factors)), key)

    def _rope(self) -> Iterator[Mapping[str, Json]]:
        """Rotary scaling: one mapping, or one for each kind of layer."""
        for key in ("rope_scaling", "rope_parameters"):
            found = self.text.get(key)
            if not isinstance(found, dict):
                continue
            inner = [part for part in found.values() if isinstance(part, dict)]
            yield from inner or [found]


def whole(value: Json) -> int | None:
    """A number above 0 as config.json holds it, else None."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value < _LARGEST else None


def _text(value: Json) -> str:
    return value if isinstance(value, str) and len(value) <= _LONGEST_NAME else ""
