"""What vLLM keeps beside the tensors of a checkpoint: copies, padding, tables."""

from typing import Final

from mixvllm.vllm.checkpoint.config import ModelConfig, whole
from mixvllm.vllm.memory.deployment import Deployment

_HOPPER: Final = 9
_SCALED: Final = 32  # weights that share a scale in MXFP4
_MROPE: Final = 4.0
_MOST_SCALING: Final = 1024.0
_SIXTEEN_BITS: Final = frozenset({"F16", "BF16", "F32"})


def extra_bytes(template: str, shape: tuple[int, ...], dtype: str, deployment: Deployment) -> int:
    """Copies of one tensor on a rank.

    Latent attention multiplies with the two halves of ``kv_b_proj`` in the model's own type. Of a
    quantised checkpoint that is a second, larger copy (0.32.0, `mla_attention.py`,
    split_kv_b_proj); of another the halves are views.
    """
    if template.endswith(".kv_b_proj.weight") and dtype not in _SIXTEEN_BITS and len(shape) > 1:
        return shape[0] * shape[1] * 2 // deployment.tensor_parallel
    return 0


def rotary_bytes(config: ModelConfig, deployment: Deployment) -> int:
    """The tables of rotary embedding: a row for each position, shared by all layers.

    A linear scaling multiplies the rows, positions of images have four times as many (0.32.0,
    `rotary_embedding/linear_scaling_rope.py`, `mrope.py`), and layers with a window of their own
    frequencies have a second table.
    """
    heads, hidden = config.heads, whole(config.text.get("hidden_size"))
    rows = whole(config.text.get("max_position_embeddings"))
    if rows is None or not heads or not hidden:
        return 0
    written = (config.text.get(key) for key in ("rope_scaling", "rope_parameters"))
    said = next((found for found in written if isinstance(found, dict)), {})
    factor = said.get("factor")
    grown = 1.0
    if "mrope_section" in said:
        grown = _MROPE
    elif "linear" in (said.get("rope_type"), said.get("type")) and isinstance(factor, int | float):
        grown = min(max(float(factor), 1.0), _MOST_SCALING)
    if "rope_local_base_freq" in config.text:
        grown += 1
    width = whole(config.text.get("qk_rope_head_dim")) or whole(config.text.get("head_dim"))
    bytes_each = 4 if deployment.dtype == "float32" else 2
    return int(rows * grown) * (width or hidden // heads) * bytes_each


def mxfp4_growth(template: str, shape: tuple[int, ...], deployment: Deployment) -> float:
    """How much larger packed MXFP4 experts become than they are in the checkpoint.

    Kernels want sides that are multiples of something (0.32.0, `fused_moe/oracle/mxfp4.py`). On
    compute capability 9.0, Triton's: 64 weights of an expert's own size, and packed rows are
    filled up to 256 weights. Elsewhere Marlin's and TensorRT-LLM's: 128 and 256. Where the card is
    not known, the larger one.
    """
    packed = template.endswith("_proj_blocks")
    if not packed and not template.endswith("_proj_scales"):
        return 1.0
    if len(shape) != (4 if packed else 3) or 0 in shape:
        return 1.0
    outputs, inputs = shape[1], shape[2] * _SCALED
    gate = "gate_up_proj" in template
    ranks = 1 if deployment.expert_parallel else deployment.tensor_parallel
    ranks *= 1 if deployment.expert_parallel else deployment.data_parallel
    hidden, inner = (inputs, max(1, outputs // 2)) if gate else (outputs, inputs)
    per_rank = inner / ranks
    capability = deployment.compute_capability
    hopper = capability is not None and capability[0] == _HOPPER
    if not hopper:
        return _up(hidden, 256) / hidden * _up(per_rank, 128) / per_rank
    wide = _up(per_rank, 64)
    grown = wide / per_rank
    if packed:
        grown *= _up(hidden, 256) / hidden if gate else _up(wide, 256) / wide
    return grown


def _up(size: float, multiple: int) -> int:
    return int(-(-size // multiple) * multiple)
