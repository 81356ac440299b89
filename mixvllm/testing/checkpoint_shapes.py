"""The tensors that a checkpoint holds, from its config.json: names, types and shapes.

For rehearsals on a machine without the weights: a forecast, a benchmark or a test reads the same
headers that the real repository has. Families: Llama, Mistral, Mixtral, Qwen2, Qwen2.5-VL, Qwen3,
Qwen3-MoE, Qwen3-Next, EXAONE 4, Gemma 3, gpt-oss, DeepSeek-V3 and GLM-5, whole or quantised.
"""

from collections.abc import Iterator, Mapping

from mixvllm.testing.quantised_shapes import linear, tensor
from mixvllm.vllm.checkpoint.json_file import Json
from mixvllm.vllm.checkpoint.tensors import Tensor

_DTYPES = {"bfloat16": "BF16", "float16": "F16", "float32": "F32"}


def tensors_of(config: Mapping[str, Json]) -> tuple[Tensor, ...]:
    """All tensors of a checkpoint. Raises ValueError for a family that is not known here."""
    family = config.get("model_type")
    if family not in _FAMILIES:
        raise ValueError(f"no shapes are known of {family!r}; known: {', '.join(_FAMILIES)}")
    return tuple(_FAMILIES[str(family)](_Shapes(config)))


class _Shapes:
    """A config.json's numbers, and the layers that most families share."""

    def __init__(self, config: Mapping[str, Json]) -> None:
        self.config = config
        part = config.get("text_config")
        self.text: Mapping[str, Json] = part if isinstance(part, dict) else config
        said = config.get("torch_dtype") or config.get("dtype") or "bfloat16"
        self.dtype = _DTYPES[str(said)]
        quantization = config.get("quantization_config")
        self.quantization = quantization if isinstance(quantization, dict) else None
        self.hidden = self["hidden_size"]
        self.layers = self["num_hidden_layers"]
        self.heads = self["num_attention_heads"]
        self.kv_heads = self.get("num_key_value_heads", self.heads)
        self.head = self.get("head_dim", self.hidden // self.heads)
        self.inner = self["intermediate_size"]

    def __getitem__(self, key: str) -> int:
        value = self.text[key]
        if not isinstance(value, int):
            raise ValueError(f"{key} is no number: {value!r}")
        return value

    def get(self, key: str, otherwise: int) -> int:
        return otherwise if self.text.get(key) is None else self[key]

    def norm(self, name: str, width: int | None = None) -> Tensor:
        return tensor(f"{name}.weight", self.dtype, width or self.hidden)

    def linear(
        self, name: str, outputs: int, inputs: int, *, bias: bool = False
    ) -> Iterator[Tensor]:
        yield from linear(name, outputs, inputs, self.quantization, self.dtype)
        if bias:
            yield tensor(f"{name}.bias", self.dtype, outputs)

    def plain(self, name: str, *shape: int, bias: bool = False) -> Iterator[Tensor]:
        """A layer that is never quantised."""
        yield tensor(f"{name}.weight", self.dtype, *shape)
        if bias:
            yield tensor(f"{name}.bias", self.dtype, shape[0])

    def ends(self, prefix: str = "model", head: str = "lm_head") -> Iterator[Tensor]:
        """Embedding, last norm and output."""
        vocabulary = self["vocab_size"]
        yield from self.plain(f"{prefix}.embed_tokens", vocabulary, self.hidden)
        yield self.norm(f"{prefix}.norm")
        tied = self.text.get("tie_word_embeddings", self.config.get("tie_word_embeddings", True))
        if not tied:
            yield from self.plain(head, vocabulary, self.hidden)

    def attention(
        self, at: str, *, bias: bool = False, o_bias: bool = False, norms: bool = False
    ) -> Iterator[Tensor]:
        queries, keys = self.heads * self.head, self.kv_heads * self.head
        yield from self.linear(f"{at}.q_proj", queries, self.hidden, bias=bias)
        yield from self.linear(f"{at}.k_proj", keys, self.hidden, bias=bias)
        yield from self.linear(f"{at}.v_proj", keys, self.hidden, bias=bias)
        yield from self.linear(f"{at}.o_proj", self.hidden, queries, bias=o_bias)
        if norms:
            yield self.norm(f"{at}.q_norm", self.head)
            yield self.norm(f"{at}.k_norm", self.head)

    def mlp(
        self, at: str, inner: int, names: str = "gate_proj up_proj down_proj"
    ) -> Iterator[Tensor]:
        gate, up, down = names.split()
        yield from self.linear(f"{at}.{gate}", inner, self.hidden)
        yield from self.linear(f"{at}.{up}", inner, self.hidden)
        yield from self.linear(f"{at}.{down}", self.hidden, inner)

    def norms(self, at: str) -> Iterator[Tensor]:
        yield self.norm(f"{at}.input_layernorm")
        yield self.norm(f"{at}.post_attention_layernorm")


def _dense(
    shapes: _Shapes, prefix: str = "model", *, bias: bool = False, norms: bool = False
) -> Iterator[Tensor]:
    yield from shapes.ends(prefix)
    for layer in range(shapes.layers):
        at = f"{prefix}.layers.{layer}"
        yield from shapes.attention(f"{at}.self_attn", bias=bias, norms=norms)
        yield from shapes.mlp(f"{at}.mlp", shapes.inner)
        yield from shapes.norms(at)


def _qwen2(shapes: _Shapes) -> Iterator[Tensor]:
    return _dense(shapes, bias=True)


def _qwen3(shapes: _Shapes) -> Iterator[Tensor]:
    return _dense(shapes, norms=True)


def _qwen3_moe(shapes: _Shapes) -> Iterator[Tensor]:
    yield from shapes.ends()
    experts, inner = shapes["num_experts"], shapes["moe_intermediate_size"]
    for layer in range(shapes.layers):
        at = f"model.layers.{layer}"
        yield from shapes.attention(f"{at}.self_attn", norms=True)
        yield from shapes.plain(f"{at}.mlp.gate", experts, shapes.hidden)
        for expert in range(experts):
            yield from shapes.mlp(f"{at}.mlp.experts.{expert}", inner)
        yield from shapes.norms(at)


def _exaone4(shapes: _Shapes) -> Iterator[Tensor]:
    yield from shapes.ends()
    for layer in range(shapes.layers):
        at = f"model.layers.{layer}"
        yield from shapes.attention(f"{at}.self_attn", norms=True)
        yield from shapes.mlp(f"{at}.mlp", shapes.inner)
        yield shapes.norm(f"{at}.post_attention_layernorm")
        yield shapes.norm(f"{at}.post_feedforward_layernorm")


def _qwen3_next(shapes: _Shapes) -> Iterator[Tensor]:
    yield from shapes.ends()
    for layer in range(shapes.layers):
        at = f"model.layers.{layer}"
        if (layer + 1) % shapes["full_attention_interval"]:
            yield from _linear_attention(shapes, f"{at}.linear_attn")
        else:
            yield from _gated_attention(shapes, f"{at}.self_attn")
        yield from _gated_experts(shapes, f"{at}.mlp")
        yield from shapes.norms(at)
    # The layer that drafts tokens
    yield from shapes.plain("mtp.fc", shapes.hidden, 2 * shapes.hidden)
    yield from _gated_attention(shapes, "mtp.layers.0.self_attn")
    yield from _gated_experts(shapes, "mtp.layers.0.mlp")
    yield from shapes.norms("mtp.layers.0")
    for name in ("norm", "pre_fc_norm_embedding", "pre_fc_norm_hidden"):
        yield shapes.norm(f"mtp.{name}")


def _gated_attention(shapes: _Shapes, at: str) -> Iterator[Tensor]:
    queries, keys = shapes.heads * shapes.head, shapes.kv_heads * shapes.head
    yield from shapes.linear(f"{at}.q_proj", 2 * queries, shapes.hidden)
    yield from shapes.linear(f"{at}.k_proj", keys, shapes.hidden)
    yield from shapes.linear(f"{at}.v_proj", keys, shapes.hidden)
    yield from shapes.linear(f"{at}.o_proj", shapes.hidden, queries)
    yield shapes.norm(f"{at}.q_norm", shapes.head)
    yield shapes.norm(f"{at}.k_norm", shapes.head)


def _linear_attention(shapes: _Shapes, at: str) -> Iterator[Tensor]:
    heads, width = shapes["linear_num_value_heads"], shapes["linear_value_head_dim"]
    keys = shapes["linear_num_key_heads"] * shapes["linear_key_head_dim"]
    values = heads * width
    kernel = shapes["linear_conv_kernel_dim"]
    yield from shapes.linear(f"{at}.in_proj_qkvz", 2 * keys + 2 * values, shapes.hidden)
    yield from shapes.linear(f"{at}.in_proj_ba", 2 * heads, shapes.hidden)
    yield from shapes.plain(f"{at}.conv1d", 2 * keys + values, 1, kernel)
    yield tensor(f"{at}.dt_bias", shapes.dtype, heads)
    yield tensor(f"{at}.A_log", shapes.dtype, heads)
    yield shapes.norm(f"{at}.norm", width)
    yield from shapes.linear(f"{at}.out_proj", shapes.hidden, values)


def _gated_experts(shapes: _Shapes, at: str) -> Iterator[Tensor]:
    experts = shapes["num_experts"]
    yield from shapes.plain(f"{at}.gate", experts, shapes.hidden)
    for expert in range(experts):
        yield from shapes.mlp(f"{at}.experts.{expert}", shapes["moe_intermediate_size"])
    yield from shapes.mlp(f"{at}.shared_expert", shapes["shared_expert_intermediate_size"])
    yield from shapes.plain(f"{at}.shared_expert_gate", 1, shapes.hidden)


def _mixtral(shapes: _Shapes) -> Iterator[Tensor]:
    yield from shapes.ends()
    experts = shapes["num_local_experts"]
    for layer in range(shapes.layers):
        at = f"model.layers.{layer}"
        yield from shapes.attention(f"{at}.self_attn")
        yield from shapes.plain(f"{at}.block_sparse_moe.gate", experts, shapes.hidden)
        for expert in range(experts):
            where = f"{at}.block_sparse_moe.experts.{expert}"
            yield from shapes.mlp(where, shapes.inner, "w1 w3 w2")
        yield from shapes.norms(at)


def _gemma3(shapes: _Shapes) -> Iterator[Tensor]:
    prefix = "language_model.model"
    yield from shapes.ends(prefix)
    for layer in range(shapes.layers):
        at = f"{prefix}.layers.{layer}"
        yield from shapes.attention(f"{at}.self_attn", norms=True)
        yield from shapes.mlp(f"{at}.mlp", shapes.inner)
        yield from shapes.norms(at)
        yield shapes.norm(f"{at}.pre_feedforward_layernorm")
        yield shapes.norm(f"{at}.post_feedforward_layernorm")
    vision = _part(shapes, "vision_config")
    width, at = vision["hidden_size"], "vision_tower.vision_model"
    patch = vision["patch_size"]
    yield from shapes.plain(f"{at}.embeddings.patch_embedding", width, 3, patch, patch, bias=True)
    patches = (vision["image_size"] // patch) ** 2
    yield from shapes.plain(f"{at}.embeddings.position_embedding", patches, width)
    for layer in range(vision["num_hidden_layers"]):
        here = f"{at}.encoder.layers.{layer}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            yield from shapes.plain(f"{here}.self_attn.{name}", width, width, bias=True)
        inner = vision["intermediate_size"]
        yield from shapes.plain(f"{here}.mlp.fc1", inner, width, bias=True)
        yield from shapes.plain(f"{here}.mlp.fc2", width, inner, bias=True)
        for name in ("layer_norm1", "layer_norm2"):
            yield from shapes.plain(f"{here}.{name}", width, bias=True)
    yield from shapes.plain(f"{at}.post_layernorm", width, bias=True)
    projector = "multi_modal_projector.mm_input_projection_weight"
    yield tensor(projector, shapes.dtype, width, shapes.hidden)
    yield shapes.norm("multi_modal_projector.mm_soft_emb_norm", width)


def _qwen2_5_vl(shapes: _Shapes) -> Iterator[Tensor]:
    yield from _dense(shapes, bias=True)
    vision = _part(shapes, "vision_config")
    width, inner, patch = vision["hidden_size"], vision["intermediate_size"], vision["patch_size"]
    yield from shapes.plain("visual.patch_embed.proj", width, 3, 2, patch, patch)
    for layer in range(vision["depth"]):
        at = f"visual.blocks.{layer}"
        yield from shapes.plain(f"{at}.attn.qkv", 3 * width, width, bias=True)
        yield from shapes.plain(f"{at}.attn.proj", width, width, bias=True)
        for name in ("gate_proj", "up_proj"):
            yield from shapes.plain(f"{at}.mlp.{name}", inner, width, bias=True)
        yield from shapes.plain(f"{at}.mlp.down_proj", width, inner, bias=True)
        yield shapes.norm(f"{at}.norm1", width)
        yield shapes.norm(f"{at}.norm2", width)
    merged = 4 * width
    yield shapes.norm("visual.merger.ln_q", width)
    yield from shapes.plain("visual.merger.mlp.0", merged, merged, bias=True)
    yield from shapes.plain("visual.merger.mlp.2", shapes.hidden, merged, bias=True)


def _gpt_oss(shapes: _Shapes) -> Iterator[Tensor]:
    yield from shapes.ends()
    experts, hidden, inner = shapes["num_local_experts"], shapes.hidden, shapes.inner
    for layer in range(shapes.layers):
        at = f"model.layers.{layer}"
        queries, keys = shapes.heads * shapes.head, shapes.kv_heads * shapes.head
        yield from shapes.plain(f"{at}.self_attn.q_proj", queries, hidden, bias=True)
        yield from shapes.plain(f"{at}.self_attn.k_proj", keys, hidden, bias=True)
        yield from shapes.plain(f"{at}.self_attn.v_proj", keys, hidden, bias=True)
        yield from shapes.plain(f"{at}.self_attn.o_proj", hidden, queries, bias=True)
        yield tensor(f"{at}.self_attn.sinks", shapes.dtype, shapes.heads)
        yield from shapes.plain(f"{at}.mlp.router", experts, hidden, bias=True)
        for name, outputs, inputs in (
            ("gate_up_proj", 2 * inner, hidden),
            ("down_proj", hidden, inner),
        ):
            where = f"{at}.mlp.experts.{name}"
            yield tensor(f"{where}_blocks", "U8", experts, outputs, inputs // 32, 16)
            yield tensor(f"{where}_scales", "U8", experts, outputs, inputs // 32)
            yield tensor(f"{where}_bias", shapes.dtype, experts, outputs)
        yield from shapes.norms(at)


def _latent(shapes: _Shapes) -> Iterator[Tensor]:
    """DeepSeek-V3, and GLM-5 with its indexer; the layer after the last drafts tokens."""
    yield from shapes.ends()
    drafting = shapes.get("num_nextn_predict_layers", 0)
    for layer in range(shapes.layers + drafting):
        at = f"model.layers.{layer}"
        yield from _latent_attention(shapes, f"{at}.self_attn")
        if layer < shapes["first_k_dense_replace"]:
            yield from shapes.mlp(f"{at}.mlp", shapes.inner)
        else:
            yield from _latent_experts(shapes, f"{at}.mlp")
        yield from shapes.norms(at)
        if layer >= shapes.layers:
            yield from shapes.plain(f"{at}.eh_proj", shapes.hidden, 2 * shapes.hidden)
            yield shapes.norm(f"{at}.enorm")
            yield shapes.norm(f"{at}.hnorm")
            yield shapes.norm(f"{at}.shared_head.norm")
            vocabulary = shapes["vocab_size"]
            yield from shapes.plain(f"{at}.embed_tokens", vocabulary, shapes.hidden)
            yield from shapes.plain(f"{at}.shared_head.head", vocabulary, shapes.hidden)


def _latent_attention(shapes: _Shapes, at: str) -> Iterator[Tensor]:
    hidden, heads = shapes.hidden, shapes.heads
    rank, rope = shapes["kv_lora_rank"], shapes["qk_rope_head_dim"]
    nope, value, queries = shapes["qk_nope_head_dim"], shapes["v_head_dim"], shapes["q_lora_rank"]
    yield from shapes.linear(f"{at}.q_a_proj", queries, hidden)
    yield shapes.norm(f"{at}.q_a_layernorm", queries)
    yield from shapes.linear(f"{at}.q_b_proj", heads * (nope + rope), queries)
    yield from shapes.linear(f"{at}.kv_a_proj_with_mqa", rank + rope, hidden)
    yield shapes.norm(f"{at}.kv_a_layernorm", rank)
    yield from shapes.linear(f"{at}.kv_b_proj", heads * (nope + value), rank)
    yield from shapes.linear(f"{at}.o_proj", hidden, heads * value)
    if index := shapes.get("index_n_heads", 0):
        width = shapes["index_head_dim"]
        yield from shapes.linear(f"{at}.indexer.wq_b", index * width, queries)
        yield from shapes.linear(f"{at}.indexer.wk", width, hidden)
        yield from shapes.plain(f"{at}.indexer.k_norm", width, bias=True)
        yield from shapes.plain(f"{at}.indexer.weights_proj", index, hidden)


def _latent_experts(shapes: _Shapes, at: str) -> Iterator[Tensor]:
    experts, inner = shapes["n_routed_experts"], shapes["moe_intermediate_size"]
    yield from shapes.plain(f"{at}.gate", experts, shapes.hidden)
    yield tensor(f"{at}.gate.e_score_correction_bias", "F32", experts)
    for expert in range(experts):
        yield from shapes.mlp(f"{at}.experts.{expert}", inner)
    yield from shapes.mlp(f"{at}.shared_experts", inner * shapes.get("n_shared_experts", 1))


def _part(shapes: _Shapes, key: str) -> Mapping[str, int]:
    part = shapes.config[key]
    assert isinstance(part, dict)
    return {name: value for name, value in part.items() if isinstance(value, int)}


_FAMILIES = {
    "llama": _dense,
    "mistral": _dense,
    "mixtral": _mixtral,
    "qwen2": _qwen2,
    "qwen2_5_vl": _qwen2_5_vl,
    "qwen3": _qwen3,
    "qwen3_moe": _qwen3_moe,
    "gemma3": _gemma3,
    "gpt_oss": _gpt_oss,
    "exaone4": _exaone4,
    "qwen3_next": _qwen3_next,
    "deepseek_v3": _latent,
    "glm_moe_dsa": _latent,
}
