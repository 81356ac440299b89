"""A model's folder as it comes from the Hub, in miniature: every file is there, and whole."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

CONFIG: Final[Mapping[str, object]] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "vocab_size": 64,
    "torch_dtype": "bfloat16",
}
_TEMPLATE: Final = "{% for m in messages %}{{ m['content'] }}{% endfor %}"


def safetensors(tensors: Mapping[str, int]) -> bytes:
    """A file with tensors of so many bytes each."""
    header: dict[str, object] = {}
    end = 0
    for name, size in tensors.items():
        header[name] = {"dtype": "U8", "shape": [size], "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(end)


def write_checkpoint(folder: Path, **config: object) -> Path:
    """Make the folder; ``config`` replaces keys of config.json, or takes away those that are None.
    Files that are there already stay, and pickles serve as the weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    values = {key: value for key, value in {**CONFIG, **config}.items() if value is not None}
    files: dict[str, bytes] = {
        "config.json": json.dumps(values).encode(),
        "generation_config.json": b"{}",
        "tokenizer.json": b"{}",
        "tokenizer_config.json": json.dumps({"chat_template": _TEMPLATE}).encode(),
        "model.safetensors": safetensors({"model.norm.weight": 64}),
    }
    for name, data in files.items():
        pickled = name == "model.safetensors" and any(folder.glob("*.bin"))
        if not pickled and not (folder / name).exists():
            (folder / name).write_bytes(data)
    return folder


def write_shards(folder: Path, count: int, *, tensors: int = 1) -> None:
    """Weights in so many files, with the index that names them."""
    names = [f"model-{n:05}-of-{count:05}.safetensors" for n in range(1, count + 1)]
    data = safetensors({f"model.layers.{n}.mlp.experts.weight": 1 for n in range(tensors)})
    for name in names:
        (folder / name).write_bytes(data)
    mapping = {f"{name}.{n}": name for name in names for n in range(tensors)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": mapping}))
    (folder / "model.safetensors").unlink(missing_ok=True)
