"""Work that may hang is waited for no longer than its limit."""

import os
import subprocess
import sys
import time

import pytest

from mixvllm.core.limit import within


def test_a_result_comes_as_it_is() -> None:
    assert within(5, lambda: [1, 2]) == [1, 2]
    assert within(5, lambda: None) is None


def test_what_it_raises_is_raised() -> None:
    with pytest.raises(FileNotFoundError):
        within(5, lambda: os.stat("/no/such/file"))  # noqa: PTH116


_HANGS = """
import os
from mixvllm.core.limit import within
try:
    within(0.1, lambda: os.read(os.pipe()[0], 1))
except TimeoutError:
    print("given up")
"""


def test_it_does_not_hold_up_the_end_of_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _HANGS], stdout=subprocess.PIPE, text=True, timeout=30, check=True
    )
    assert done.stdout == "given up\n"


def test_a_call_that_hangs_in_the_kernel_is_left_behind() -> None:
    reader, writer = os.pipe()
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"within 0\.1 s"):
        within(0.1, lambda: os.read(reader, 1))
    assert time.monotonic() - began < 3
    os.write(writer, b"x")  # lets the thread go
    os.close(writer)
