"""Where names of checkpoints belong."""

import pytest

from mixvllm.vllm.memory.shards import Place, Shard, Split, shard_of

L = "model.layers.#."


@pytest.mark.parametrize(
    ("name", "place", "split"),
    [
        ("model.embed_tokens.weight", Place.EMBEDDING, Split.VOCABULARY),
        ("language_model.model.embed_tokens.weight", Place.EMBEDDING, Split.VOCABULARY),
        ("tok_embeddings.weight", Place.EMBEDDING, Split.VOCABULARY),
        ("lm_head.weight", Place.END, Split.VOCABULARY),
        ("lm_head.qweight", Place.END, Split.VOCABULARY),
        ("output.weight", Place.END, Split.VOCABULARY),
        ("model.norm.weight", Place.END, Split.WHOLE),
        (L + "input_layernorm.weight", Place.LAYER, Split.WHOLE),
        (L + "self_attn.q_norm.weight", Place.LAYER, Split.WHOLE),
        (L + "self_attn.q_proj.weight", Place.LAYER, Split.OUTPUT),
        (L + "self_attn.q_proj.bias", Place.LAYER, Split.OUTPUT),
        (L + "self_attn.k_proj.weight_scale_inv", Place.LAYER, Split.KV),
        (L + "self_attn.v_proj.qzeros", Place.LAYER, Split.KV),
        (L + "self_attn.o_proj.scales", Place.LAYER, Split.INPUT),
        (L + "self_attn.o_proj.g_idx", Place.DROPPED, Split.INPUT),
        (L + "self_attn.qkv_proj.weight", Place.LAYER, Split.FUSED),
        (L + "self_attn.sinks", Place.LAYER, Split.OUTPUT),
        (L + "self_attn.q_a_proj.weight", Place.LAYER, Split.WHOLE),
        (L + "self_attn.kv_b_proj.weight", Place.LAYER, Split.OUTPUT),
        (L + "self_attn.indexer.wq_b.weight", Place.LAYER, Split.WHOLE),
        (L + "mlp.gate_proj.weight", Place.LAYER, Split.OUTPUT),
        (L + "mlp.down_proj.weight_packed", Place.LAYER, Split.INPUT),
        (L + "mlp.down_proj.weight_shape", Place.DROPPED, Split.INPUT),
        (L + "mlp.down_proj.input_scale", Place.LAYER, Split.WHOLE),
        (L + "mlp.gate.weight", Place.LAYER, Split.WHOLE),
        (L + "mlp.gate.e_score_correction_bias", Place.LAYER, Split.WHOLE),
        (L + "mlp.experts.#.down_proj.weight", Place.LAYER, Split.EXPERT),
        (L + "mlp.experts.gate_up_proj_blocks", Place.LAYER, Split.EXPERT),
        (L + "mlp.experts.down_proj", Place.LAYER, Split.EXPERT),
        (L + "mlp.shared_experts.up_proj.weight", Place.LAYER, Split.OUTPUT),
        (L + "block_sparse_moe.experts.#.w2.weight", Place.LAYER, Split.EXPERT),
        (L + "linear_attn.A_log", Place.LAYER, Split.OUTPUT),
        (L + "linear_attn.in_proj_qkvz.weight", Place.LAYER, Split.OUTPUT),
        (L + "shared_head.head.weight", Place.DROPPED, Split.UNKNOWN),
        (L + "embed_tokens.weight", Place.DROPPED, Split.VOCABULARY),
        ("mtp.layers.#.mlp.experts.#.up_proj.weight", Place.DRAFT, Split.EXPERT),
        ("transformer.h.#.attn.c_attn.weight", Place.LAYER, Split.FUSED),
        ("visual.blocks.#.attn.qkv.weight", Place.ENCODER, Split.OUTPUT),
        ("visual.blocks.#.attn.proj.weight", Place.ENCODER, Split.INPUT),
        ("visual.patch_embed.proj.weight", Place.ENCODER, Split.WHOLE),
        ("visual.merger.mlp.#.weight", Place.ENCODER, Split.OUTPUT),
        ("vision_tower.vision_model.encoder.layers.#.mlp.fc1.weight", Place.ENCODER, Split.OUTPUT),
        ("multi_modal_projector.mm_input_projection_weight", Place.ENCODER, Split.WHOLE),
        ("audio_tower.flux.weight", Place.ENCODER, Split.UNKNOWN),
        ("model.rotary_emb.inv_freq", Place.DROPPED, Split.WHOLE),
        ("model.flux.weight", Place.END, Split.UNKNOWN),
    ],
)
def test_a_name_tells_where_a_tensor_belongs(name: str, place: Place, split: Split) -> None:
    found = shard_of(name)
    assert (found.place, found.split) == (place, split)


def test_of_several_numbers_the_layers_one_counts() -> None:
    assert shard_of(L + "mlp.experts.#.w1.weight").layer == 0
    assert shard_of("model.experts.#.layers.#.up_proj.weight").layer == 1
    assert shard_of("visual.blocks.#.attn.qkv.weight").layer is None


def test_only_matrices_of_the_language_model_are_quantised_at_the_load() -> None:
    def matrix(name: str) -> bool:
        found: Shard = shard_of(name)
        return found.matrix

    assert matrix(L + "self_attn.q_proj.weight")
    assert matrix(L + "mlp.experts.#.w1.weight")
    assert matrix(L + "mlp.experts.gate_up_proj")
    assert not matrix(L + "self_attn.q_proj.bias")
    assert not matrix(L + "mlp.gate.weight")
    assert not matrix("lm_head.weight")
    assert not matrix("visual.blocks.#.attn.qkv.weight")
    assert not matrix(L + "linear_attn.conv1d.weight")
