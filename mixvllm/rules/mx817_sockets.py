"""MX817: where vLLM's processes would meet, they cannot."""

import os
from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import KeyPath, Origin
from mixvllm.rules.base import Facts, Rule

_LONGEST: Final = 70  # 107 bytes (unix(7)) less a slash and the 36 of a UUID


def check(facts: Facts) -> Iterator[Diagnostic]:
    """They make sockets there, named by a UUID (``get_open_zmq_ipc_path`` in
    vllm/utils/network_utils.py, 0.32.0). ZeroMQ refuses paths of more than 107 bytes.
    """
    folder = facts.seen.sockets if facts.seen is not None else None
    if folder is None:
        return
    length = len(os.fsencode(folder.path))
    what = folder.trouble
    if not what and length > _LONGEST:
        what = f"has a name of {length} bytes; a socket in it may have one of {_LONGEST}"
    if what:
        origin, key = _who_says_so(facts)
        yield RULE.finding(
            f"vLLM's processes meet in {folder.path}, which {what}", origin, key=key,
            hint="set vllm.env VLLM_RPC_BASE_PATH to a folder with a short name, e.g. /tmp",
        )  # fmt: skip


def _who_says_so(facts: Facts) -> tuple[Origin, KeyPath]:
    for name in ("VLLM_RPC_BASE_PATH", "TMPDIR", "TEMP", "TMP"):
        given = facts.variable(name)
        if given is not None and given[0]:
            return given[1], given[2]
    return facts.place(("model", "name")).value, ()


RULE = Rule("MX817", "sockets", Severity.ERROR, check)
