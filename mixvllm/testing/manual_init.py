"""The profile of docs/commands.md that `mixvllm init` writes on the machine of docs/json.md."""

import json
import os
import tempfile
from pathlib import Path
from typing import Final

from mixvllm.gpu.saved import inventory_from_json
from mixvllm.services.init.profile import Machine, draft
from mixvllm.testing.manual_gpus import document
from mixvllm.testing.manual_page import neutral
from mixvllm.vllm.options import newest

_CONFIG: Final = {  # what matters here of Qwen/Qwen3-8B's
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "num_attention_heads": 32,
    "max_position_embeddings": 40960,
    "torch_dtype": "bfloat16",
}


def profile() -> str:
    """A model that is in the cache of the Hub, and two cards that are not equal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        repository = folder / "hub" / "models--Qwen--Qwen3-8B"
        snapshot = repository / "snapshots" / "0"
        snapshot.mkdir(parents=True)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("0", encoding="ascii")
        (snapshot / "config.json").write_text(json.dumps(_CONFIG), encoding="utf-8")
        environ = {"HF_HUB_CACHE": str(folder / "hub"), "PATH": os.defpath}
        machine = Machine(environ, inventory_from_json(document()), newest(), is_sure=True)
        return f"```yaml\n{neutral(draft('Qwen/Qwen3-8B', folder, machine), folder)}```\n"
