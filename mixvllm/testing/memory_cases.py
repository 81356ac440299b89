"""Starts of vLLM that somebody recorded, as questions for the forecast.

A case has what its log or its issue says; what that leaves open (the batch, the card) is left open
here too. Its model is one of :mod:`mixvllm.testing.public_configs`, else what the case says of its
layers.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from mixvllm.forecast.asked import Asked
from mixvllm.forecast.cards import Card
from mixvllm.forecast.deployment import Target
from mixvllm.forecast.forecast import Forecast, Question, forecast
from mixvllm.forecast.interval import Interval
from mixvllm.forecast.model import Model
from mixvllm.settings.layers import Value
from mixvllm.testing.checkpoint_shapes import tensors_of
from mixvllm.testing.public_configs import PUBLIC
from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.checkpoint.json_file import Json
from mixvllm.vllm.checkpoint.tensors import Tensor
from mixvllm.vllm.table import numbers

GIB: Final = 2**30
_RELEASE: Final = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
_NEWEST: Final = "0.28.0"  # of which there is a case; a build without a number is taken for it
_NEW_SHARE: Final = (0, 19, 2)  # before it vLLM took 0.9 of a card, from then on 0.92
# What CUDA calls the memory of cards that a case only names, in GiB; vLLM has logged each.
_TOTALS: Final = (
    ("h100", "NVIDIA H100 80GB HBM3", 79.19, 79.65, (9, 0)),
    ("h200", "NVIDIA H200", 139.81, 140.40, (9, 0)),
    ("l40s", "NVIDIA L40S", 44.42, 44.99, (8, 9)),
    ("a100-sxm4-40gb", "NVIDIA A100-SXM4-40GB", 39.39, 40.0, (8, 0)),
    ("4x a100 40gb", "NVIDIA A100-SXM4-40GB", 39.38, 40.0, (8, 0)),
    ("rtx pro 6000", "NVIDIA RTX PRO 6000 Blackwell", 95.01, 95.59, (12, 0)),
    ("rtx 4090", "NVIDIA GeForce RTX 4090", 23.52, 23.99, (8, 9)),
    ("rtx 3090", "NVIDIA GeForce RTX 3090", 23.58, 24.0, (8, 6)),
)  # fmt: skip
_OPTIONS: Final = {
    "tp": "tensor-parallel-size",
    "pp": "pipeline-parallel-size",
    "max_model_len": "max-model-len",
    "kv_cache_dtype": "kv-cache-dtype",
    "dtype": "dtype",
    "block_size": "block-size",
    "max_num_seqs": "max-num-seqs",
    "max_num_batched_tokens": "max-num-batched-tokens",
    "enforce_eager": "enforce-eager",
    "ep": "enable-expert-parallel",
    "gpu_memory_utilization": "gpu-memory-utilization",
}


@cache
def _tensors(name: str) -> tuple[Tensor, ...]:
    return tensors_of(PUBLIC[name])


class _Settings:
    """A case's options; what it does not say is left to vLLM."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = values

    def value_of(self, name: str) -> Value:
        return self._values.get(name)


@dataclass(frozen=True)
class Case:
    """One start."""

    told: Mapping[str, Any]
    _answers: dict[tuple[bool, bool], Forecast | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __getitem__(self, name: str) -> Any:
        return self.told.get(name)

    @property
    def name(self) -> str:
        """What the file calls it."""
        return str(self["id"])

    @property
    def kind(self) -> str:
        """How its layers attend."""
        return str(self["arch"].get("kind"))

    @cached_property
    def release(self) -> str:
        """The release of vLLM as three numbers."""
        found = _RELEASE.match(str(self["vllm_version"]))
        if found is None or int(found[1]) > 0:
            return _NEWEST
        return f"{found[1]}.{found[2]}.{found[3] or 0}"

    @property
    def started(self) -> bool:
        """Whether the start came to its end."""
        return bool(self["outcome"] == "started")

    @property
    def kv_bytes(self) -> int | None:
        """What was left for the cache, in bytes."""
        size = self["kv_available_bytes"]
        gib = self["kv_available_gib"]
        return size if size is not None else None if gib is None else round(gib * GIB)

    @property
    def _public(self) -> str:
        """Its model's name among the public ones; "" where it is none."""
        return str(self["model"]) if self["model"] in PUBLIC else ""

    @cached_property
    def public(self) -> Mapping[str, Json] | None:
        """config.json of its model; None where that is not known."""
        found = PUBLIC.get(self._public)
        if found is not None and self["dtype"] == "float16":
            return {**found, "torch_dtype": "float16"}
        return found

    @cached_property
    def config(self) -> ModelConfig | None:
        """The model's configuration; None where neither it nor the layers are known."""
        if self.public is not None:
            return ModelConfig(self.public)
        arch = self["arch"]
        if self.kind != "gqa":
            return None
        heads = max(arch["kv_heads"] * 4, self["tp"])
        return ModelConfig(
            {
                "architectures": ["LlamaForCausalLM"],
                "model_type": "llama",
                "torch_dtype": self["dtype"] or "bfloat16",
                "num_hidden_layers": arch["layers"],
                "num_key_value_heads": arch["kv_heads"],
                "num_attention_heads": heads,
                "head_dim": arch["head_dim"],
                "hidden_size": heads * arch["head_dim"],
                "intermediate_size": 4 * heads * arch["head_dim"],
                "vocab_size": 128256,
                "max_position_embeddings": self["max_model_len"] or 131072,
            }
        )

    @property
    def card(self) -> Card | None:
        """A card as it was used; None where the case does not say which."""
        gpu = str(self["gpu"]).lower()
        total = self["gpu_total_gib"]
        if "arithmetic" not in gpu and "not in this file" not in gpu:
            for key, name, cuda, nvml, capability in _TOTALS:
                if key in gpu:
                    exact = Interval.exactly(round((total or cuda) * GIB))
                    return Card("card 0", name, exact, round(nvml * GIB), capability=capability)
        if total is None:
            return None
        return Card("card 0", "", Interval.exactly(round(total * GIB)), round((total + 0.5) * GIB))

    def question(self, *, given: bool = False, weighed: bool = True) -> Question | None:
        """The question that the start answered.

        Args:
            given: the cache's bytes are those of the log.
            weighed: with the tensors of the model's checkpoint, where they are known.
        """
        if self.config is None:
            return None
        values = {option: self[name] for name, option in _OPTIONS.items() if self[name] is not None}
        share = 0.92 if numbers(self.release) >= _NEW_SHARE else 0.9
        values.setdefault("gpu-memory-utilization", share)
        if given:
            values["kv-cache-memory-bytes"] = self.kv_bytes
        tensors = _tensors(self._public) if weighed and self._public else ()
        model = Model(str(self["model"]), self.config, tensors)
        question = Question(Asked(_Settings(values)), model, Target(self.release))
        if self.card is None:
            return question
        return replace(question, cards=(self.card,) * (self["tp"] * self["pp"]))

    def forecast(self, *, given: bool = False, weighed: bool = True) -> Forecast | None:
        """The answer to it; each is worked out once."""
        key = given, weighed
        if key not in self._answers:
            question = self.question(given=given, weighed=weighed)
            self._answers[key] = None if question is None else forecast(question)
        return self._answers[key]


def read_cases(path: Path) -> tuple[Case, ...]:
    """The cases of a file."""
    return tuple(Case(told) for told in json.loads(path.read_text(encoding="utf-8")))
