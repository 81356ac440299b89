"""Defaults that changed between two releases, of options that a profile leaves to vLLM.

The rule behind ``--since`` and `mixvllm upgrade` both ask here.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mixvllm.rules.base import Facts
from mixvllm.settings.edit import flow
from mixvllm.vllm.history import default_changes
from mixvllm.vllm.option import Option

# Options that matter only beside another one: vLLM reads them nowhere else. In 0.32.0
# api-server-count in entrypoints/cli/serve.py, disable-hybrid-kv-cache-manager in config/vllm.py,
# the others in config/parallel.py and config/cache.py.
_ONLY_WITH: Final[dict[str, tuple[str, ...]]] = {
    "all2all-backend": ("enable-expert-parallel",),
    "api-server-count": ("data-parallel-size", "data-parallel-size-local"),
    "cp-kv-cache-interleave-size": (
        "decode-context-parallel-size", "prefill-context-parallel-size",
    ),
    "dcp-comm-backend": ("decode-context-parallel-size",),
    "disable-hybrid-kv-cache-manager": ("kv-transfer-config",),
    "disable-nccl-for-dp-synchronization": ("data-parallel-size",),
    "kv-offloading-backend": ("kv-offloading-size",),
    "tool-strict-level": ("enable-auto-tool-choice",),
}  # fmt: skip
_UNSET: Final = {"unset": True}


@dataclass(frozen=True, slots=True)
class NewDefault:
    """A default that is another one than it was."""

    option: Option  # as the later release has it
    release: str  # the first one with the default of now
    old: object
    new: object

    def __str__(self) -> str:
        return f"{self.option.name} {_shown(self.old)} -> {_shown(self.new)}"

    @property
    def kept(self) -> str | None:
        """The line under ``vllm.args`` that keeps the old default; None where no value says it."""
        if self.old is None and not self.option.optional:
            return None
        return f"{self.option.name}: {flow(self.old)}"


def new_defaults(facts: Facts, since: str) -> Iterator[NewDefault]:
    """Those between ``since`` and the release of the facts, by name. Raises UnknownRelease.

    Left out: options that the profile sets, that do nothing for it, or that vLLM is removing;
    and a default that vLLM's parser only marks as not given, which says nothing of its value
    (prefix-cache-retention-interval was 0 before its default said so).
    """
    for name in facts.options.names():
        changes = default_changes(name, since, facts.options.release)
        if not changes or facts.setting(name) is not None:
            continue
        old, new = changes[0].old, changes[-1].new
        if old == new or _UNSET in (old, new):
            continue
        beside = _ONLY_WITH.get(name)
        if beside is not None and all(facts.setting(other) is None for other in beside):
            continue
        option = facts.options.find(name)
        if option is not None and not option.deprecated:
            yield NewDefault(option, changes[-1].release, old, new)


def _shown(value: object) -> str:
    """A default as a profile writes it; null is what vLLM works out at the start."""
    return "not set" if value is None else json.dumps(value)
