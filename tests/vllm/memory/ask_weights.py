"""Ask the real vLLM what its ranks hold: run by vLLM's own Python, speaks JSON.

Reads a list of questions from standard input, each with the ``config`` of a model and the
``options`` of a deployment; writes a list of answers: of every stage the bytes of the parameters
of its first rank. A model is built as vLLM builds it, on torch's meta device, which has shapes but
no memory, or on the ``device`` that is asked for; tensor and pipeline ranks are told to the groups
of a world of one.
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
from vllm.distributed.parallel_state import (
    get_pp_group,
    get_tp_group,
    init_distributed_environment,
    initialize_model_parallel,
)
from vllm.engine.arg_utils import EngineArgs
from vllm.model_executor.model_loader.utils import initialize_model
from vllm.utils.torch_utils import set_default_torch_dtype


def ranked(group: Any, size: int, rank: int) -> None:
    group.world_size, group.rank_in_group, group.rank = size, rank, rank
    group.ranks = list(range(size))


def held(config: Any, device: str, tensor_parallel: int, pipeline_parallel: int, stage: int) -> int:
    ranked(get_tp_group(), tensor_parallel, 0)
    ranked(get_pp_group(), pipeline_parallel, stage)
    config.parallel_config.tensor_parallel_size = tensor_parallel
    config.parallel_config.pipeline_parallel_size = pipeline_parallel
    config.compilation_config.static_forward_context.clear()
    with (
        set_current_vllm_config(config),
        set_default_torch_dtype(config.model_config.dtype),
        torch.device(device),
    ):
        model = initialize_model(vllm_config=config)
    size: int = sum(each.numel() * each.element_size() for each in model.parameters())
    return size


def answer(question: dict[str, Any], folder: Path) -> list[int]:
    (folder / "config.json").write_text(json.dumps(question["config"]))
    options = dict(question["options"])
    tensor_parallel = options.pop("tensor_parallel_size", 1)
    pipeline_parallel = options.pop("pipeline_parallel_size", 1)
    ranked(get_tp_group(), 1, 0)
    ranked(get_pp_group(), 1, 0)
    config = EngineArgs(
        model=str(folder), skip_tokenizer_init=True, load_format="dummy", **options
    ).create_engine_config()
    return [
        held(config, question.get("device", "meta"), tensor_parallel, pipeline_parallel, stage)
        for stage in range(pipeline_parallel)
    ]


def main() -> None:
    # What libraries print goes where it does not mix with the answers.
    spoken = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    answers: list[list[int] | str] = []
    with tempfile.TemporaryDirectory() as name:
        questions = json.load(sys.stdin)
        folder = Path(name)
        (folder / "config.json").write_text(json.dumps(questions[0]["config"]))
        first = EngineArgs(model=name, skip_tokenizer_init=True).create_engine_config()
        with set_current_vllm_config(first):
            init_distributed_environment(1, 0, f"file://{name}/store", 0, "gloo")
            initialize_model_parallel()
        for question in questions:
            try:
                answers.append(answer(question, folder))
            except Exception as why:  # noqa: BLE001 - whatever vLLM raises is the answer
                answers.append(f"{type(why).__name__}: {str(why)[:300]}")
    json.dump(answers, spoken)


if __name__ == "__main__":
    main()
