"""Run by the Python that has vLLM: model folders with options in, its verdicts out.

Each line in is ``[folder, {option: value}]``, each out ``{"length": ...}``, the longest context,
or ``{"error": ...}``.
"""

import importlib
import json
import os
import sys


def main() -> None:
    answers = sys.stdout
    sys.stdout = sys.stderr  # vLLM may write to it
    os.environ.update(HF_HUB_OFFLINE="1", VLLM_LOGGING_LEVEL="ERROR", VLLM_CPU_KVCACHE_SPACE="1")
    arguments = importlib.import_module("vllm.engine.arg_utils").EngineArgs
    # It looks at each class in a process of its own, 15 s each; this one will do.
    registry = importlib.import_module("vllm.model_executor.models.registry")
    vars(registry)["_run_in_subprocess"] = lambda look: look()
    for line in sys.stdin:
        folder, options = json.loads(line)
        try:
            made = arguments(model=folder, skip_tokenizer_init=True, **options)
            length = made.create_engine_config().model_config.max_model_len
            answer = {"length": length}
        except Exception as error:  # noqa: BLE001 - any failure is an answer here
            answer = {"error": str(error)}
        answers.write(json.dumps(answer) + "\n")


main()
