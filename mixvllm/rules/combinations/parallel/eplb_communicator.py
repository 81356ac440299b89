"""Experts that are moved while others compute, over NCCL.

vLLM 0.32.0, `config/parallel.py`, `EPLBConfig._validate_eplb_config`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside


def check(facts: Facts) -> Iterator[Diagnostic]:
    """NCCL does not bear two streams; moving in the background is the default."""
    keys = inside(facts, "eplb-config")
    communicator, background = keys.get("communicator"), keys.get("use_async")
    if communicator is None or communicator.value not in ("torch_nccl", "pynccl"):
        return
    if background is None or background.value is True:
        yield RULE.finding(
            f"`{communicator.name}` is {communicator.value}: it moves no experts in the background",
            communicator.place.value,
            key=communicator.key,
            label="write nixl or torch_gloo, or set use_async to false",
            related=(Related(background.place.value, "set here"),) if background else (),
        )


RULE = Rule("MX241", "eplb-communicator", Severity.ERROR, check, since="0.24.0")
