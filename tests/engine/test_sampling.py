"""What an engine uses of the machine, measured on processes that use a known amount."""

import subprocess
import time
from collections.abc import Iterator

import pytest

from mixvllm.engine.cards import CardWatch
from mixvllm.engine.sampling import MachineSampler, only_root_left
from tests.engine.plays import LIMIT, eventually, program

BUSY = """
pid = os.fork()
if pid == 0:
    blob = bytearray(50_000_000)
    say("up", os.getpid())
    while True:
        pass
say("up", os.getpid())
wait()
"""
ROOT = """
say("up", os.getpid())
wait()
"""


def start(text: str, *words: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([*program(text), *words], stdout=subprocess.PIPE)


def end(process: "subprocess.Popen[bytes]", *pids: int) -> None:
    for pid in pids:
        subprocess.run(["kill", "-9", str(pid)], check=True)
    process.kill()
    process.communicate(timeout=LIMIT)


@pytest.fixture
def busy() -> Iterator["subprocess.Popen[bytes]"]:
    """A process with a child that keeps a core busy."""
    process = start(BUSY)
    assert process.stdout is not None
    pids = {int(process.stdout.readline().split()[1]) for _ in range(2)}
    yield process
    end(process, *(pids - {process.pid}))


def test_cpu_and_memory_of_a_family(busy: "subprocess.Popen[bytes]") -> None:
    cards = CardWatch()
    sampler = MachineSampler(cards)
    first = sampler.sample(0.0, busy.pid)
    assert first.engine_cpu_percent is None  # a rate needs two looks
    began = time.monotonic()

    def worked() -> bool:
        """Until the child had a good half second of a core, however busy the machine."""
        seen = sampler.sample(time.monotonic() - began, busy.pid)
        used.append((seen.engine_cpu_percent or 0.0) / 100 * (seen.at - at[-1]))
        at.append(seen.at)
        return sum(used) > 0.5

    used, at = [0.0], [0.0]
    eventually(worked, "half a second of CPU")
    assert sum(used) <= at[-1] * 1.2 + 0.1
    assert first.engine_memory_bytes is not None
    assert first.engine_memory_bytes > 50_000_000
    assert first.memory_total_bytes is not None
    assert first.memory_total_bytes > first.engine_memory_bytes
    cards.close()


def test_a_family_that_is_gone_uses_nothing() -> None:
    process = start(ROOT)
    assert process.stdout is not None
    process.stdout.readline()
    end(process)
    cards = CardWatch()
    sampler = MachineSampler(cards)
    sampler.sample(0.0, process.pid)
    seen = sampler.sample(1.0, process.pid)
    assert (seen.engine_cpu_percent, seen.engine_memory_bytes) == (0.0, 0)
    cards.close()


@pytest.mark.parametrize(
    ("others", "alone"),
    [
        ((), True),
        (("multiprocessing.resource_tracker",), True),
        (("VLLM::EngineCore",), False),
        (("multiprocessing.resource_tracker", "VLLM::Worker"), False),
    ],
)
def test_an_api_server_is_alone_with_its_tracker(others: tuple[str, ...], *, alone: bool) -> None:
    keeper = start(
        """
import subprocess
for word in sys.argv[1:]:
    subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(99)", word])
say("up", os.getpid())
wait()
""",
        "the root",
        *others,
    )
    assert keeper.stdout is not None
    keeper.stdout.readline()
    listed = subprocess.run(
        ["ps", "--ppid", str(keeper.pid), "-o", "pid="], capture_output=True, text=True, check=True
    )
    root, *rest = map(int, listed.stdout.split())
    try:
        assert only_root_left(keeper.pid, root) is alone
    finally:
        end(keeper, root, *rest)
