"""CUDA graphs of an encoder, and no encoder.

vLLM 0.32.0, `config/vllm.py`, `VllmConfig.__post_init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused for multimodal models; others never look at it."""
    alone = facts.switched_on("language-model-only")
    graphs = inside(facts, "compilation-config").get("cudagraph_mm_encoder")
    if alone is not None and graphs is not None and graphs.value is True:
        yield contradicts(
            RULE, graphs, alone, "the encoder is left out", remedy="take one of the two out"
        )


RULE = Rule("MX241", "text-only-graphs", Severity.WARNING, check, since="0.29")
