"""MX810 and MX811: where a model from the Hub is kept."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import KeyPath
from mixvllm.core.units import show_size
from mixvllm.rules.base import Facts, Rule

_KEY: KeyPath = ("model", "name")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The Hub's client only warns of a full disk, and fails in the middle of the download. How
    large a model is, its index tells; before anything was fetched nobody here knows.
    """
    seen = facts.seen
    if seen is None or seen.models is None or seen.model_missing_bytes == 0:
        return
    folder, place = seen.models, facts.place(_KEY).value
    if folder.trouble:
        yield RULE.finding(
            f"the model is not all here, and {folder.path}, where it would be kept,"
            f" {folder.trouble}", place, key=_KEY,
            hint="set vllm.env HF_HOME to a folder of yours, or name the model's folder",
        )  # fmt: skip
        return
    free, missing = folder.free_bytes, seen.model_missing_bytes
    if free is not None and missing is not None and missing > free:
        yield _ROOM.finding(
            f"{show_size(missing)} of the model are still to be fetched, more than is free in"
            f" {folder.path}", place, key=_KEY, label=f"{show_size(free)} are free",
            hint="make room, or set vllm.env HF_HOME to a larger disk",
        )  # fmt: skip


RULE = Rule("MX810", "model-cache", Severity.WARNING, check)
_ROOM = Rule("MX811", "model-room", Severity.WARNING, check)
