"""Waiting no longer than a limit for work that cannot be cancelled."""

from collections.abc import Callable
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, work: Callable[[], T]) -> T:
    """The result of ``work``, or what it raised. Raises TimeoutError after ``seconds``.

    A call into the kernel or the resolver that hangs is left behind in its thread: a daemon,
    which holds up neither Ctrl-C nor the end of the process.
    """
    results: list[T] = []
    faults: list[Exception] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as fault:  # noqa: BLE001 - raised again below
            faults.append(fault)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if faults:
        raise faults[0]
    if not results:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return results[0]
