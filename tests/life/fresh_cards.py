"""Cards that no other test has: leases hold on the whole machine, by the cards' UUIDs."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from mixvllm.services.lease import Leases


@contextmanager
def fresh_uuids(count: int) -> Iterator[list[str]]:
    """UUIDs for so many cards; what their leases left behind is taken away."""
    uuids = [f"GPU-{uuid4()}" for _ in range(count)]
    try:
        yield uuids
    finally:
        folder = Leases.of_this_machine().folder
        assert folder is not None
        for uuid in uuids:
            (folder / f"mixvllm-{uuid}.lease").unlink(missing_ok=True)


def named_so(uuids: list[str]) -> list[str]:
    """Lines of a scenario that give its cards these UUIDs."""
    return [f"{index}.uuid={uuid}" for index, uuid in enumerate(uuids)]
