"""What the dump of one vLLM says about its variables and the keys of its JSON options.

Both are known by an annotation, unlike the options, which are known by how they are parsed.
"""

import ast
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from mixvllm.vllm.annotation import Shape, parse_annotation
from mixvllm.vllm.classify import Spec, bounds, types
from mixvllm.vllm.dump import Json
from mixvllm.vllm.option import JsonType, Kind

_VARIABLE_KINDS = (
    (JsonType.BOOLEAN, Kind.SWITCH),
    (JsonType.INTEGER, Kind.INTEGER),
    (JsonType.NUMBER, Kind.NUMBER),
    (JsonType.MAPPING, Kind.JSON),
)


# Where vLLM looks at a value before its type is checked, and takes more than the type: text for a
# list or a class, null for "not decided yet" (config/kernel.py, config/quantization.py and
# config/compilation.py; the validators with mode="before" and "wrap", in 0.12.0 to 0.33.0).
_TAKES_TEXT_TOO: Final = {"QuantizationConfigArgs.linear", "QuantizationConfigArgs.moe"}
_TAKES_TEXT_FOR_LISTS: Final = "IrOpPriorityConfig"
_TAKES_NULL_TOO: Final = {
    *("CompilationConfig.max_cudagraph_capture_size", "CompilationConfig.ir_enable_torch_wrap"),
    "CompilationConfig.use_inductor_graph_partition",
    *("KernelConfig.enable_flashinfer_autotune", "KernelConfig.enable_cutedsl_warmup"),
    "KernelConfig.enable_jit_warmup",
}
_SWITCHES_TAKE_NULL: Final = "PassConfig"  # nearly all; the list changes with each release


def key_spec(config: str, name: str, raw: Mapping[str, Json], configs: Collection[str]) -> Spec:
    """The fields of one key of a JSON option."""
    shape = parse_annotation(str(raw["annotation"]), configs=configs)
    if shape.accepts is not None:
        shape = replace(shape, accepts=shape.accepts | _accepted_too(config, name, shape))
    spec = bounds(raw) | types(shape)
    if shape.choices is not None:
        spec["choices"] = list[Json](shape.choices)
    if len(shape.configs) == 1:
        spec["config"] = shape.configs[0]
    return spec


def _accepted_too(config: str, name: str, shape: Shape) -> set[JsonType]:
    key, accepted = f"{config}.{name}", set[JsonType]()
    if key in _TAKES_TEXT_TOO or config == _TAKES_TEXT_FOR_LISTS:
        accepted.add(JsonType.STRING)
    is_switch = shape.accepts == frozenset({JsonType.BOOLEAN})
    if key in _TAKES_NULL_TOO or (config == _SWITCHES_TAKE_NULL and is_switch):
        accepted.add(JsonType.NULL)
    return accepted


def variable_spec(raw: Mapping[str, Json]) -> Spec:
    """The fields of one environment variable.

    A variable without an annotation is text, or a boolean when it was seen to behave like one.
    """
    readings = raw.get("readings")
    shape = parse_annotation(str(raw["annotation"] or ("bool" if readings else "str")))
    spec: Spec = {"kind": _variable_kind(shape).value}
    if readings:
        spec["readings"] = readings
    if shape.accepts is not None and JsonType.LIST in shape.accepts:
        spec["many"] = True
    if shape.choices is not None:
        spec["choices"] = [choice for choice in shape.choices if choice is not None]
    if shape.optional:
        spec["optional"] = True
    return spec | _written_default(raw["default"])


def _variable_kind(shape: Shape) -> Kind:
    accepts = shape.accepts or frozenset()
    return next((kind for type_, kind in _VARIABLE_KINDS if type_ in accepts), Kind.STRING)


def _written_default(source: Json) -> Spec:
    """The default, where vLLM's source gives it as a literal; nothing where it is computed."""
    if source is None:
        return {}
    try:
        value = ast.literal_eval(str(source))
    except (ValueError, SyntaxError):
        return {}
    return {"default": sorted(value) if isinstance(value, set) else value}
