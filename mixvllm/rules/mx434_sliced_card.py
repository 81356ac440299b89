"""MX434: a card that is split into slices, selected as a whole."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.wanted import named, spots


def check(facts: Facts) -> Iterator[Diagnostic]:
    """In MIG mode a card is no device any more, its slices are. CUDA takes the first slice for
    the card, and finds nothing where there is none.
    """
    names = None if facts.inventory is None else named(facts, facts.inventory)
    if names is None or not names.fixed:
        return
    for (entry, device), (key, origin) in zip(names.entries, spots(facts, names), strict=False):
        if device is None or not device.gpu.mig_enabled or entry.text.startswith("MIG-"):
            continue
        gpu = device.gpu
        if gpu.mig_devices == ():
            yield RULE.finding(
                f"{facts.host}: card {gpu.index} is in MIG mode and has no slice", origin, key=key,
                label="select another card",
                hint=f"`nvidia-smi mig -i {gpu.index} -cgi PROFILE -C` makes one",
                severity=Severity.ERROR,
            )  # fmt: skip
            continue
        first = "" if device.part is None else f": {device.part.profile or device.part.uuid}"
        uuid = None if device.part is None else device.part.uuid
        yield RULE.finding(
            f"{facts.host}: card {gpu.index} is split into slices, and the engine would get the"
            f" first{first}", origin, key=key, label=f"name a slice: {uuid or 'MIG-...'}",
            hint="`mixvllm gpus` lists the slices",
        )  # fmt: skip


RULE = Rule("MX434", "sliced-card", Severity.WARNING, check)
