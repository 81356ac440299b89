"""Models for the comparison with vLLM: the real small one, and others made of its files.

The configuration of an engine depends on the model's: on its number of heads, whether it has
experts, what it can be used for. Only ``config.json`` differs; weights are linked, not read.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

# What is changed in the small model's config.json.
SHAPES: Final[Mapping[str, Mapping[str, object]]] = {
    "dense": {
        "hidden_size": 1024, "num_attention_heads": 16, "num_key_value_heads": 8,
        "num_hidden_layers": 32,
    },
    "experts": {
        "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe",
        "hidden_size": 1024, "num_attention_heads": 16, "num_key_value_heads": 8,
        "num_hidden_layers": 32, "num_experts": 16, "num_experts_per_tok": 2,
        "moe_intermediate_size": 256, "decoder_sparse_step": 1, "mlp_only_layers": [],
        "norm_topk_prob": True, "shared_expert_intermediate_size": 0, "use_sliding_window": False,
    },
}  # fmt: skip


def make_models(small: Path, folder: Path) -> dict[str, Path]:
    """The small model and its variants, by name."""
    made = {"small": small.resolve()}
    for name, changes in SHAPES.items():
        made[name] = folder / name
        made[name].mkdir()
        for file in small.resolve().iterdir():
            (made[name] / file.name).symlink_to(file)
        config = made[name] / "config.json"
        config.unlink()
        original = json.loads((small / "config.json").read_text(encoding="utf-8"))
        config.write_text(json.dumps({**original, **changes}), encoding="utf-8")
    return made
