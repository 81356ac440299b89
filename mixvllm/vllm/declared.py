"""What the dump of one vLLM says about its variables and the keys of its JSON options.

Both are known by an annotation, unlike the options, which are known by how they are parsed.
"""

import ast
from collections.abc import Collection, Mapping

from mixvllm.vllm.annotation import Shape, parse_annotation
from mixvllm.vllm.classify import Spec, bounds
from mixvllm.vllm.dump import Json
from mixvllm.vllm.option import JsonType, Kind

_VARIABLE_KINDS = (
    (JsonType.BOOLEAN, Kind.SWITCH),
    (JsonType.INTEGER, Kind.INTEGER),
    (JsonType.NUMBER, Kind.NUMBER),
    (JsonType.MAPPING, Kind.JSON),
)


def key_spec(raw: Mapping[str, Json], configs: Collection[str]) -> Spec:
    """The fields of one key of a JSON option."""
    shape = parse_annotation(str(raw["annotation"]), configs=configs)
    spec = bounds(raw)
    if shape.accepts is not None:
        spec["accepts"] = [kind.value for kind in JsonType if kind in shape.accepts]
    if shape.choices is not None:
        spec["choices"] = list[Json](shape.choices)
    if len(shape.configs) == 1:
        spec["config"] = shape.configs[0]
    return spec


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
