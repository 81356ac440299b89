"""An address is given once, to whoever lives."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mixvllm.services.reservation import Reservation, Reserved, reserved_by
from mixvllm.testing.running import free_port

ROOT = Path(__file__).parents[2]


def test_who_has_it_is_told() -> None:
    port = free_port()
    mine = Reservation("127.0.0.1", port)
    with pytest.raises(Reserved) as refused:
        Reservation("127.0.0.1", port)
    assert refused.value.pid == os.getpid()
    mine.close()
    Reservation("127.0.0.1", port).close()


@pytest.mark.parametrize("first", ["0.0.0.0", "::", "127.0.0.1"])
def test_every_interface_takes_each_of_them(first: str) -> None:
    port = free_port()
    mine = Reservation(first, port)
    other = "127.0.0.1" if first in {"0.0.0.0", "::"} else "0.0.0.0"
    with pytest.raises(Reserved) as refused:
        Reservation(other, port)
    assert refused.value.pid == os.getpid()
    mine.close()
    Reservation(other, port).close()


def test_other_addresses_and_ports_are_free() -> None:
    port = free_port()
    several = [
        Reservation("127.0.0.1", port),
        Reservation("127.0.0.2", port),
        Reservation("127.0.0.1", port + 1),
    ]
    for one in several:
        one.close()


def test_a_holder_that_is_killed_holds_nothing() -> None:
    port = free_port()
    text = (
        "from mixvllm.services.reservation import Reservation\n"
        f"mine = Reservation('127.0.0.1', {port})\n"
        "print('mine', flush=True)\n"
        "input()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", text],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"mine\n"
    with pytest.raises(Reserved) as refused:
        Reservation("127.0.0.1", port)
    assert refused.value.pid == holder.pid
    holder.kill()
    holder.communicate(timeout=20)
    Reservation("127.0.0.1", port).close()


def test_the_holder_can_be_asked_for_again_and_again() -> None:
    port = free_port()
    held = Reservation("127.0.0.1", port)
    assert {reserved_by("127.0.0.1", port) for _ in range(100)} == {os.getpid()}
    assert {reserved_by("0.0.0.0", port) for _ in range(100)} == {os.getpid()}
    assert reserved_by("127.0.0.2", port) is None
    held.close()
    assert reserved_by("127.0.0.1", port) is None
