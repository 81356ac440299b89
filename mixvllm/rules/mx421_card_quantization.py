"""MX421: a method of quantisation that a card is too old for.

vLLM 0.32.0, `config/vllm.py`, VllmConfig._get_quantization_config, and each method's
`get_min_capability`; for the schemes inside compressed-tensors,
`quantization/compressed_tensors/compressed_tensors.py`, _check_scheme_supported.
"""

from collections.abc import Iterator, Mapping

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.capability import (
    Quantized,
    abilities_of,
    deciding,
    methods_of,
    quantized,
    shown_number,
)
from mixvllm.rules.model_files import MODEL
from mixvllm.vllm.capabilities import Capabilities


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM compares the card with the least that the method's kernels were written for."""
    card, method, able = deciding(facts), quantized(facts), abilities_of(facts)
    if card is None or method is None or able is None:
        return
    what, least = _needed(method, able)
    if least is None or card.capability[0] * 10 + card.capability[1] >= least:
        return
    needs = f"needs compute capability {shown_number(least)}, and {card} has {card.has}"
    if method.setting is None:
        yield RULE.finding(
            f"the checkpoint is quantised with {what}, which {needs}", facts.place(MODEL).value,
            key=MODEL, label="name a checkpoint in another format, or select another card",
            related=card.related,
        )  # fmt: skip
    else:
        yield RULE.finding(
            f"quantization {what} {needs}", method.setting.place.value, key=method.setting.key,
            label="take another method, or another card", related=card.related,
        )  # fmt: skip


def _needed(method: Quantized, able: Capabilities) -> tuple[str, int | None]:
    """The method or its scheme, and the least capability."""
    bounds = [found.least for found in methods_of(method, able)]
    least = min((bound for bound in bounds if bound is not None), default=None)
    if None in bounds:
        least = None
    for scheme, words in _schemes(method):
        needed = able.least_of_scheme(scheme)
        if needed is not None and needed > (least or 0):
            return f"{method.method} ({words})", needed
    return method.method, least


def _schemes(method: Quantized) -> Iterator[tuple[str, str]]:
    """The scheme of each group of a compressed-tensors checkpoint, where it is certain."""
    groups = method.config.get("config_groups")
    if method.method != "compressed-tensors" or not isinstance(groups, Mapping):
        return
    for group in groups.values():
        weights, inputs = _parts(group, "weights"), _parts(group, "input_activations")
        match (
            weights.get("type"),
            weights.get("num_bits"),
            inputs.get("type"),
            inputs.get("num_bits"),
        ):
            case "int", 4, "float", 8:
                yield "CompressedTensorsW4A8Fp8", "4-bit weights, FP8 activations"
            case "int", 8, "int", 8:
                yield "CompressedTensorsW8A8Int8", "INT8 weights and activations"
            case "int", (4 | 8) as bits, None, None:
                yield "CompressedTensorsWNA16", f"{bits}-bit weights"


def _parts(group: object, name: str) -> Mapping[str, object]:
    found = group.get(name) if isinstance(group, Mapping) else None
    return found if isinstance(found, Mapping) else {}


RULE = Rule("MX421", "card-quantization", Severity.ERROR, check)
