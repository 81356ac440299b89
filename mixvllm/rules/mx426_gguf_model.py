"""MX426: a GGUF file for a vLLM that reads none.

vLLM 0.24.0 took GGUF out of `model_executor/layers/quantization`; a plugin goes on with it.
"""

import re
from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule

# A file, or a repository and the quantisation that is wanted of it: `unsloth/Qwen3-8B-GGUF:Q4_K_M`.
_GGUF: Final = re.compile(r"\.gguf$|:(?:UD-)?I?Q\d\w*$|:(?:BF16|F16|F32)$", re.IGNORECASE)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Whether the plugin is installed beside vLLM cannot be seen from here."""
    model = facts.resolved.value("model", "name")
    if isinstance(model, str) and _GGUF.search(model):
        yield RULE.finding(
            f"vLLM {facts.options.release} reads no GGUF by itself: that was removed in 0.24.0",
            facts.place(("model", "name")).value, key=("model", "name"),
            label="name a repository with safetensors",
            hint="the package vllm-gguf-plugin, installed beside vLLM, reads it",
        )  # fmt: skip


RULE = Rule("MX426", "gguf-model", Severity.WARNING, check, since="0.24")
