"""What the dump of one vLLM says about an option, in our terms.

Every converter and action of vLLM's parser is listed here. One that is not listed stops the
packing: a new release must be read by a person before mixvllm claims to know it.
"""

import re
from collections.abc import Mapping
from typing import TypeAlias

from mixvllm.vllm.annotation import Shape, parse_annotation
from mixvllm.vllm.dump import Json
from mixvllm.vllm.option import JsonType, Kind

Spec: TypeAlias = dict[str, Json]
"""Fields of an Option, a ConfigKey or an EnvVariable; a field at its default is left out."""

NOT_OPTIONS = frozenset({"help", "model_tag"})  # --help, and the model, which is positional
BOUNDS = {"ge": "at_least", "gt": "above", "le": "at_most", "lt": "below"}

_CONVERTERS = {
    "None": Kind.STRING,
    "str": Kind.STRING,
    "parse_reasoning_parser": Kind.STRING,  # from 0.33.0: "none", in any case, is the default ""
    'lambda["a_b,7"]': Kind.STRING,  # folded, see below
    'lambda[["A-b", 7]]': Kind.ID_LIST,
    "int": Kind.INTEGER,
    "human_readable_int": Kind.HUMAN_INTEGER,
    "human_readable_int_or_auto": Kind.HUMAN_INTEGER_OR_AUTO,
    "float": Kind.NUMBER,
    "loads": Kind.JSON,
    "union_dict_and_str": Kind.JSON_OR_STRING,
}
_HUMAN = re.compile(r"(human_readable_int\w*)\[(\w*)\]")
_WRAPPED = re.compile(r"(optional|parse)\[(.*)\]")
_VALUE_ACTIONS = frozenset({"_StoreAction", "_AppendAction", "DeprecatedLogConfigFileAction"})
_NARGS: frozenset[Json] = frozenset({None, "?", "+", "*"})
# Options that take the keys of a config class although vLLM converts them with bare json.loads,
# because it adds keys of its own before it builds the class (0.32.0, engine/arg_utils.py).
_CONFIGS = {
    "speculative_config": "SpeculativeConfig",
    "diffusion_config": "DiffusionConfig",
    "watermark_config": "WatermarkConfig",
}
_DEPRECATED = re.compile(
    r"\b(?:is|are|has been|have been) deprecated\b|^\W*deprecated\b", re.IGNORECASE
)
_LEAVES = re.compile(r"\bremoved in (?:version )?v?(\d+\.\d+(?:\.\d+)?)")


class NotClassified(ValueError):
    """vLLM has grown something this module has no word for."""


def name_of(raw: Mapping[str, Json]) -> str:
    """The canonical name: argparse derives the destination from the first long flag."""
    return str(raw["dest"]).replace("_", "-")


def option_spec(raw: Mapping[str, Json], configs: Mapping[str, Json]) -> Spec:
    """The fields of one option. Raises NotClassified."""
    kind, null_text = _kind(raw)
    many = raw["nargs"] in ("+", "*") or raw["action"] == "_AppendAction"
    choices, default = raw["choices"], _default(raw["default"])
    negations = _texts(raw["negations"])
    help_text = str(raw["help"] or "")
    leaves = _LEAVES.search(help_text)
    sayable = null_text and not many and (not isinstance(choices, list) or None in choices)
    fields: Spec = {
        "kind": kind.value,
        "flags": list[Json](_flags(raw, negations)),
        "many": many,
        "choices": choices,
        "optional": default is None or sayable,
        "deprecated": bool(raw["deprecated"] or leaves or _DEPRECATED.search(help_text)),
        "config": _config(raw, kind, configs),
        "null_text": null_text,
        "negations": list[Json](negations),
        "suggested": list[Json](_suggested(raw["metavar"])),
        "repeated": raw["action"] == "_AppendAction",
        "folded": str(raw["type"]).startswith('lambda["'),
        "suffixes": human[2] if (human := _HUMAN.search(str(raw["type"]))) else None,
        "group": None if raw["group"] == "options" else raw["group"],
        "leaves": leaves and leaves[1],
    }
    spec: Spec = {field: value for field, value in fields.items() if value not in (None, False, [])}
    if default is not None:
        spec["default"] = default
    field = _field(configs, raw["group"], raw["dest"])
    # A type is only looked at where the class is built: that of LoRA is with --enable-lora alone.
    if kind is Kind.JSON and "config" not in spec and raw["group"] != "LoRAConfig":
        spec |= types(parse_annotation(str(field.get("annotation", ""))))
    return spec | bounds(field)


def _kind(raw: Mapping[str, Json]) -> tuple[Kind, bool]:
    """The kind, and whether its converter reads "" and "None" as null."""
    action, nargs, converter = raw["action"], raw["nargs"], str(raw["type"])
    if raw["switch"]:
        return Kind.SWITCH, False
    if action == "_StoreTrueAction":
        return Kind.FLAG, False
    null_text = False
    while wrapped := _WRAPPED.fullmatch(converter):
        null_text |= wrapped[1] == "optional"
        converter = wrapped[2]
    if action == "LoRAParserAction" and converter == "str":
        return Kind.LORA_MODULES, null_text
    converter = _HUMAN.sub(r"\1", converter)
    kind = Kind.JSON if converter.startswith("json[") else _CONVERTERS.get(converter)
    if kind is Kind.STRING and nargs == "?" and raw["const"] is True:
        return Kind.STRING_OR_FLAG, null_text
    if kind is None or nargs == "?" or nargs not in _NARGS or action not in _VALUE_ACTIONS:
        raise NotClassified(f"{name_of(raw)}: action {action}, nargs {nargs}, type {raw['type']}")
    return kind, null_text


def _flags(raw: Mapping[str, Json], negations: list[str]) -> list[str]:
    """The spellings that set it, the canonical one first."""
    canonical = f"--{name_of(raw)}"
    flags = [flag for flag in _texts(raw["flags"]) if flag not in negations]
    if canonical not in flags:
        raise NotClassified(f"{name_of(raw)}: its flags are {', '.join(flags) or 'none'}")
    return sorted(flags, key=lambda flag: flag != canonical)


def _config(raw: Mapping[str, Json], kind: Kind, configs: Mapping[str, Json]) -> str | None:
    named = re.search(r"json\[(\w+)\]", str(raw["type"]))
    found = named[1] if named else _CONFIGS.get(str(raw["dest"]))
    return found if kind is Kind.JSON and found in configs else None


def _default(raw: Json) -> Json:
    """A config class stands for its own defaults, as ``{}`` does; other objects mean UNSET."""
    if isinstance(raw, dict) and raw.keys() == {"dataclass"}:
        return {}
    if isinstance(raw, dict) and raw.keys() == {"object"}:
        return {"unset": True}
    return raw


def _suggested(metavar: Json) -> list[str]:
    """Known values that vLLM shows in its help without enforcing them: a list, or ``{a,b}...``."""
    if isinstance(metavar, list):
        return [str(value) for value in metavar if value is not None]
    listed = re.match(r"\{([^{}]+)\}", str(metavar))
    return listed[1].split(",") if listed else []


def _field(configs: Mapping[str, Json], group: Json, dest: Json) -> Mapping[str, Json]:
    """The config field an option fills: the one of its own name in the class of its own heading."""
    fields = configs.get(str(group))
    field = fields.get(str(dest)) if isinstance(fields, dict) else None
    return field if isinstance(field, dict) else {}


def bounds(field: Mapping[str, Json]) -> Spec:
    """The numeric bounds of a config field, under our names."""
    limits = field.get("limits")
    limits = limits if isinstance(limits, dict) else {}
    return {BOUNDS[limit]: bound for limit, bound in limits.items()}


def types(shape: Shape) -> Spec:
    """What an annotation takes, under our names; nothing where that is not known."""
    found = {"accepts": shape.accepts, "items": shape.items}
    return {
        field: list[Json](kind.value for kind in JsonType if kind in kinds)
        for field, kinds in found.items()
        if kinds is not None
    }


def _texts(raw: Json) -> list[str]:
    return [str(item) for item in raw] if isinstance(raw, list) else []
