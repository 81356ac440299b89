"""How the states of a model with recurrent layers are cached.

vLLM 0.32.0, `model_executor/models/config.py` (MambaModelConfig) and `config/model.py`
(is_prefix_caching_supported), and the same files of releases from 0.12 on.
"""

from typing import Final, Literal

from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.layer import Shape
from mixvllm.vllm.memory.part import Part
from mixvllm.vllm.memory.unknown import UnknownLayout
from mixvllm.vllm.table import numbers

Mode = Literal["none", "align", "all"]

_HYBRIDS_BY_DEFAULT: Final = (0, 26, 0)  # prefix caching of models that also attend
_MODES: Final = (0, 15, 0)  # before, prefix caching kept every state or none
_ALIGNED_BY_DEFAULT: Final = (0, 28, 0)
_NO_ALL: Final = (0, 32, 0)
_KIMI_CHECKPOINTS: Final = (0, 29, 0)
# Families whose class can keep a state for every block.
_KEEP_ALL: Final = frozenset({
    "bamba", "falcon_h1", "granitemoehybrid", "jamba", "mamba", "falcon_mamba", "mamba2",
    "nemotron_h", "zamba2",
})  # fmt: skip


def mamba_mode(shape: Shape, part: Part, deployment: Deployment) -> Mode:
    """``none``: one state a request; ``align``: two or three; ``all``: one for every block."""
    if not shape.recurrent:
        return "none"
    release = numbers(deployment.release)
    cached = deployment.prefix_caching
    if cached is None:
        cached = shape.attends and release >= _HYBRIDS_BY_DEFAULT
    if not cached:
        return "none"
    mode = _asked(part, deployment)
    if mode == "align" and part.family == "kimi_linear" and release >= _KIMI_CHECKPOINTS:
        raise UnknownLayout(
            "how many states kimi_linear keeps for prefix caching depends on the card; "
            "it is known with no-enable-prefix-caching"
        )
    return mode


def _asked(part: Part, deployment: Deployment) -> Mode:
    release = numbers(deployment.release)
    can = part.family in _KEEP_ALL
    if release < _MODES:
        return "all" if can else "none"
    if deployment.mamba_cache_mode == "align" or not can or release >= _NO_ALL:
        return "align"
    if deployment.mamba_cache_mode == "all":
        return "all"
    # vLLM 0.20 alone aligned where speculation was on.
    return "align" if release >= _ALIGNED_BY_DEFAULT else "all"
