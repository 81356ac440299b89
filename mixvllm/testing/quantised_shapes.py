"""The tensors of one linear layer in a checkpoint, by how the weights were quantised.

As the tools that write such checkpoints store them: AutoAWQ, GPTQModel, llm-compressor
(compressed-tensors), ModelOpt and DeepSeek's own script for blocks of FP8.
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from math import prod

from mixvllm.vllm.checkpoint.json_file import Json
from mixvllm.vllm.checkpoint.tensors import BITS, Tensor


def tensor(name: str, dtype: str, *shape: int) -> Tensor:
    """A tensor whose size follows from its type and shape."""
    return Tensor(name, dtype, shape, prod(shape) * BITS[dtype] // 8)


def linear(
    name: str, outputs: int, inputs: int, quantization: Mapping[str, Json] | None, dtype: str
) -> Iterator[Tensor]:
    """The tensors of a layer without bias: one, or packed weights with their scales."""
    if quantization is None or _is_left_alone(name, quantization):
        yield tensor(f"{name}.weight", dtype, outputs, inputs)
        return
    method = str(quantization.get("quant_method"))
    match method:
        case "fp8" if quantization.get("weight_block_size"):
            yield tensor(f"{name}.weight", "F8_E4M3", outputs, inputs)
            blocks = -(-outputs // 128), -(-inputs // 128)
            yield tensor(f"{name}.weight_scale_inv", "F32", *blocks)
        case "fp8":
            yield tensor(f"{name}.weight", "F8_E4M3", outputs, inputs)
            yield tensor(f"{name}.weight_scale", "F32")
            yield tensor(f"{name}.input_scale", "F32")
        case "awq":
            groups = inputs // _number(quantization, "group_size", 128)
            yield tensor(f"{name}.qweight", "I32", inputs, outputs // 8)
            yield tensor(f"{name}.qzeros", "I32", groups, outputs // 8)
            yield tensor(f"{name}.scales", "F16", groups, outputs)
        case "gptq":
            groups = inputs // _number(quantization, "group_size", 128)
            packed = 32 // _number(quantization, "bits", 4)
            yield tensor(f"{name}.qweight", "I32", inputs // packed, outputs)
            yield tensor(f"{name}.qzeros", "I32", groups, outputs // packed)
            yield tensor(f"{name}.scales", "F16", groups, outputs)
            yield tensor(f"{name}.g_idx", "I32", inputs)
        case "compressed-tensors" if quantization.get("format") == "pack-quantized":
            groups = inputs // _number(quantization, "group_size", 128)
            yield tensor(f"{name}.weight_packed", "I32", outputs, inputs // 8)
            yield tensor(f"{name}.weight_scale", dtype, outputs, groups)
            yield tensor(f"{name}.weight_shape", "I64", 2)
        case "compressed-tensors":
            yield tensor(f"{name}.weight", "F8_E4M3", outputs, inputs)
            yield tensor(f"{name}.weight_scale", dtype, outputs, 1)
        case "modelopt":
            yield tensor(f"{name}.weight", "U8", outputs, inputs // 2)
            yield tensor(f"{name}.weight_scale", "F8_E4M3", outputs, inputs // 16)
            yield tensor(f"{name}.weight_scale_2", "F32")
            yield tensor(f"{name}.input_scale", "F32")
        case _:
            raise ValueError(f"no shapes are known of {method}")


def _is_left_alone(name: str, quantization: Mapping[str, Json]) -> bool:
    for key in ("modules_to_not_convert", "ignore"):
        listed = quantization.get(key)
        for pattern in listed if isinstance(listed, list) else ():
            if fnmatch(name, f"*{pattern}*"):
                return True
    return name == "lm_head" or "visual" in name or "vision" in name


def _number(values: Mapping[str, Json], key: str, otherwise: int) -> int:
    found = values.get(key)
    return found if isinstance(found, int) else otherwise
