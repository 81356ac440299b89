"""How large the state of a recurrent layer is.

vLLM 0.32.0, `model_executor/layers/mamba/mamba_utils.py`, and the same file from 0.12 on.
"""

from typing import Final

from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.kv_type import type_bytes
from mixvllm.vllm.memory.layer import State
from mixvllm.vllm.memory.part import Part
from mixvllm.vllm.memory.unknown import UnknownLayout
from mixvllm.vllm.table import numbers

# From here on a delta net's state has a type of its own, which a configuration of Qwen3.5 names,
# and the convolutions of Nemotron-H and Mamba 2 are longer by what speculation looks ahead; those
# of the other families since a release after 0.28.
_OWN_TYPE: Final = (0, 17, 0)
_ALL_LOOK_AHEAD: Final = (0, 32, 0)
_LOOK_AHEAD: Final = frozenset({"nemotron_h", "mamba2"})
# A processor that computes in bfloat16 keeps states in 32 bits (between 0.24 and 0.26).
_PROCESSOR_DECIDES: Final = (0, 25, 0)
# A block more is kept at a boundary in a prefill.
_CHECKPOINTS: Final = (0, 32, 0)


def own_share(number: int, deployment: Deployment) -> int:
    """A rank's share. vLLM refuses what does not divide."""
    if number % deployment.tensor_parallel:
        raise UnknownLayout(
            f"{number} does not divide between {deployment.tensor_parallel} ranks of a state"
        )
    return number // deployment.tensor_parallel


def convolution_bytes(deployment: Deployment) -> int:
    """Bytes of an element of a convolution's state."""
    asked = deployment.mamba_cache_dtype
    return type_bytes(deployment.dtype if asked == "auto" else asked)


def state_types(deployment: Deployment, recurrent: str = "auto") -> tuple[int, int]:
    """Bytes of an element of the convolution's state, and of the recurrent one."""
    asked = deployment.mamba_ssm_cache_dtype
    kind = recurrent if asked == "auto" else asked
    decides = deployment.device == "cpu" and numbers(deployment.release) >= _PROCESSOR_DECIDES
    if decides and kind != "float32":
        raise UnknownLayout(
            "the type of a state on a CPU depends on what the processor can do: "
            "set mamba-ssm-cache-dtype to float32"
        )
    small = convolution_bytes(deployment)
    return small, small if kind == "auto" else type_bytes(kind)


def mamba_1(deployment: Deployment, inner: int, state: int, kernel: int) -> State:
    """Of Mamba 1, whose width is all that ranks share."""
    small, large = state_types(deployment)
    width = own_share(inner, deployment)
    return State(width * (kernel - 1) * small + width * state * large)


def mamba_2(
    part: Part,
    deployment: Deployment,
    *,
    inner: int,
    groups: int,
    count: int,
    size: int,
    state: int,
    kernel: int,
    recurrent: str = "auto",
) -> State:
    """Of Mamba 2: heads and their groups are shared by ranks.

    ``recurrent`` is the type that the model wants for what is not a convolution.
    """
    small, large = state_types(deployment, recurrent)
    release, ahead = numbers(deployment.release), looks_ahead(deployment)
    if release < _OWN_TYPE:
        ahead = 0
    elif ahead and release < _ALL_LOOK_AHEAD and part.family not in _LOOK_AHEAD:
        raise UnknownLayout(f"what speculation adds to a state of {part.family} is not known")
    ranks = deployment.tensor_parallel
    if groups % ranks:
        groups = ranks  # each head's group is on its rank
    width = own_share(inner + 2 * groups * state, deployment)
    total = (
        width * (kernel - 1 + ahead) * small + own_share(count, deployment) * size * state * large
    )
    return State(total, checkpoint=release >= _CHECKPOINTS)


def looks_ahead(deployment: Deployment) -> int:
    """Tokens that speculation looks ahead: a convolution keeps as many more."""
    return deployment.speculative_tokens if deployment.speculative_method else 0


def delta_net(part: Part, deployment: Deployment, recurrent: str = "auto") -> State:
    """Of a gated delta net, ``recurrent`` as in :func:`mamba_2`."""
    small, large = state_types(deployment, recurrent)
    if numbers(deployment.release) < _OWN_TYPE:
        large = small
    key, value = part.number("linear_key_head_dim"), part.number("linear_value_head_dim")
    keys, values = part.number("linear_num_key_heads"), part.number("linear_num_value_heads")
    length = part.number("linear_conv_kernel_dim") - 1 + looks_ahead(deployment)
    width = own_share(key * keys * 2 + value * values, deployment)
    return State(width * length * small + own_share(values, deployment) * value * key * large)
