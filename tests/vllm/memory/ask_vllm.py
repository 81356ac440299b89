"""Ask the real vLLM what its cache would be: run by vLLM's own Python, speaks JSON.

Reads a list of questions from standard input, each with the ``config`` of a model and the
``options`` of a deployment; writes a list of answers. A model is built as vLLM builds it, on
torch's meta device, which has shapes but no memory; tensor and pipeline ranks are told to the
groups of a world of one.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from vllm.config import set_current_vllm_config
from vllm.config.vllm import get_layers_from_vllm_config
from vllm.distributed.parallel_state import (
    get_pp_group,
    get_tp_group,
    init_distributed_environment,
    initialize_model_parallel,
)
from vllm.engine.arg_utils import EngineArgs
from vllm.model_executor.layers.attention_layer_base import AttentionLayerBase
from vllm.model_executor.model_loader.utils import initialize_model
from vllm.platforms import current_platform
from vllm.utils.torch_utils import set_default_torch_dtype
from vllm.v1.attention.backends.utils import get_supported_kv_cache_layouts, resolve_kv_cache_layout
from vllm.v1.core import kv_cache_utils as plan
from vllm.v1.worker.gpu.attn_utils import get_kv_cache_spec


def ranked(group: Any, size: int, rank: int) -> None:
    group.world_size, group.rank_in_group = size, rank
    group.ranks = list(range(size))


def specs(config: Any, stage: int) -> tuple[dict[str, Any], list[str]]:
    """The caches of a stage's layers, from the model's own classes."""
    parallel = config.parallel_config
    ranked(get_tp_group(), parallel.tensor_parallel_size, 0)
    ranked(get_pp_group(), parallel.pipeline_parallel_size, stage)
    config.compilation_config.static_forward_context.clear()
    with (
        set_current_vllm_config(config),
        set_default_torch_dtype(config.model_config.dtype),
        torch.device("meta"),
    ):
        model = initialize_model(vllm_config=config)
        current_platform.update_block_size_for_backend(config)
        found = get_kv_cache_spec(config)
        layers = get_layers_from_vllm_config(config, AttentionLayerBase).values()
        backends = {layer.get_attn_backend() for layer in layers}
        layouts = [layout.name for layout in get_supported_kv_cache_layouts(backends)]
    del model
    return found, layouts


def answer(question: dict[str, Any], folder: Path) -> dict[str, Any]:
    (folder / "config.json").write_text(json.dumps(question["config"]))
    options = dict(question["options"])
    ahead = options.pop("async_scheduling", False)
    ranks = options.pop("tensor_parallel_size", 1), options.pop("pipeline_parallel_size", 1)
    config = EngineArgs(
        model=str(folder), skip_tokenizer_init=True, load_format="dummy", **options
    ).create_engine_config()
    config.parallel_config.tensor_parallel_size, config.parallel_config.pipeline_parallel_size = (
        ranks
    )
    config.scheduler_config.async_scheduling = ahead
    found = [specs(config, stage) for stage in range(ranks[1])]
    caches = [cache for cache, _ in found]
    resolve_kv_cache_layout(
        config, [layouts for _, layouts in found], [s for cache in caches for s in cache.values()]
    )
    length = config.model_config.max_model_len
    told = {"block_size": config.cache_config.block_size, "length": length}
    groups = plan.get_kv_cache_groups(config, {k: v for cache in caches for k, v in cache.items()})
    projected = [plan._project_kv_cache_groups_to_worker(groups, cache) for cache in caches]
    told["needed"] = [plan._max_memory_usage_bytes_from_groups(config, own) for own in projected]
    told["reserved"] = [plan._pool_bytes_per_block(config, own) for own in projected]
    told["longest"] = [
        plan._estimate_max_model_len_from_groups(config, own, question["short"] - reserved)
        for own, reserved in zip(projected, told["reserved"], strict=True)
    ]
    made = plan.get_kv_cache_configs(config, caches, question["available"])
    told["blocks"] = made[0].num_blocks
    told["tokens"], told["max_concurrency"] = plan.get_kv_cache_capacity(
        config, plan.generate_scheduler_kv_cache_config(made)
    )
    return told


def main() -> None:
    # What libraries print goes where it does not mix with the answers.
    spoken = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    answers: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        ready = False
        for question in json.load(sys.stdin):
            try:
                if not ready:
                    first = EngineArgs(model=str(model(name))).create_engine_config()
                    with set_current_vllm_config(first):
                        store = f"file://{name}/store"
                        init_distributed_environment(1, 0, store, 0, "gloo")
                        initialize_model_parallel()
                    ready = True
                answers.append(answer(question, Path(name)))
            except Exception as why:  # noqa: BLE001 - whatever vLLM refuses is an answer
                answers.append({"error": f"{type(why).__name__}: {str(why)[:300]}"})
    json.dump(answers, spoken)


def model(name: str) -> Path:
    folder = Path(name) / "first"
    folder.mkdir()
    (folder / "config.json").write_text(
        json.dumps(
            {
                "architectures": ["MixtralForCausalLM"],
                "model_type": "mixtral",
                "hidden_size": 64,
                "intermediate_size": 64,
                "num_attention_heads": 2,
                "num_hidden_layers": 1,
                "vocab_size": 64,
                "max_position_embeddings": 64,
                "torch_dtype": "bfloat16",
                "num_key_value_heads": 2,
                "num_local_experts": 2,
                "num_experts_per_tok": 1,
            }
        )
    )
    return folder


if __name__ == "__main__":
    main()
