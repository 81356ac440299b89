"""Which cards a run gets, and that no two runs get the same: real starts, a real NVML library."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from mixvllm.services.lease import holders
from tests.gpu.nvml import playing
from tests.life.fresh_cards import fresh_uuids, named_so
from tests.life.lives import Case, Life, eventually

GIB = 2**30


class Box:
    """A machine with so many cards of 80 GiB, which no other test has."""

    def __init__(self, library: Path, folder: Path, uuids: list[str]) -> None:
        self.uuids = uuids
        self._scenario = folder / "scenario.txt"
        self.environment = {
            "LD_LIBRARY_PATH": str(library.parent),
            "NVML_DOUBLE_SCENARIO": str(self._scenario),
            "NVML_DOUBLE_CALLS": str(folder / "calls.txt"),
        }
        self.play()

    def play(self, *more: str) -> None:
        """As it is from now on."""
        lines = [
            f"driver=580.95.05\nnvml=13.580.95.05\ncuda=13000\ngpus={len(self.uuids)}",
            "*.name=NVIDIA H100 80GB HBM3\n*.cc=9.0",
            f"*.memory_total={80 * GIB}\n*.memory_reserved={GIB}\n*.memory_used=0",
            "*.mig=0\n*.rows_pending=0\n*.rows_failed=0\n*.compute=\n*.graphics=",
        ]
        lines += named_so(self.uuids)
        lines += [f"{i}.bus=00000000:{16 + i:02X}:00.0" for i in range(len(self.uuids))]
        fresh = self._scenario.with_suffix(".new")
        fresh.write_text("\n".join([*lines, *more, ""]))
        fresh.replace(self._scenario)

    def held(self) -> dict[int, str]:
        """The index of each card that somebody uses, and the name of who does."""
        told = holders()
        return {i: told[uuid].name for i, uuid in enumerate(self.uuids) if uuid in told}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return playing.build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def box(library: Path, tmp_path: Path) -> Iterator[Callable[[int], Box]]:
    with ExitStack() as stack:
        yield lambda cards: Box(library, tmp_path, stack.enter_context(fresh_uuids(cards)))


@pytest.fixture
def two(box: Callable[[int], Box]) -> Box:
    return box(2)


def seen_by_the_engine(life: Life) -> tuple[str | None, str | None]:
    """What vLLM's first process has in its environment."""
    environ = psutil.Process(life.wait_pid()).environ()
    return environ.get("CUDA_VISIBLE_DEVICES"), environ.get("CUDA_DEVICE_ORDER")


def note(life: Life) -> str:
    """The sentence about the cards."""
    life.wait_pid()
    told = [str(event["text"]) for event in life.events("noted")]
    return next(text for text in told if text.startswith("placed on "))


def refusal(case: Case, box: Box, *options: str, **more: str) -> str:
    """What a start that finds no cards says; nothing of it is left."""
    with Life(case, *options, env=box.environment | more, text=True) as life:
        assert life.wait_exit() == 3
        assert not (case.runs / case.tag).exists()
        return "\n".join(life.lines("err"))


def test_each_start_gets_a_card_of_its_own(two: Box, tmp_path: Path) -> None:
    first, second, third = (Case(tmp_path) for _ in range(3))
    with Life(first, env=two.environment) as one, Life(second, env=two.environment) as other:
        one.wait_state("ready")
        other.wait_state("ready")
        assert sorted(two.held().values()) == sorted([first.tag, second.tag])
        seen = [seen_by_the_engine(life) for life in (one, other)]
        assert sorted(seen) == sorted((uuid, "PCI_BUS_ID") for uuid in two.uuids)
        assert note(one).startswith("placed on card ")
        told = refusal(third, two)
        assert told.startswith(f"error: {third.tag} has no place: no card can be used\n")
        assert f"used by {first.tag} (pid {one.process.pid} of " in told
        assert f"used by {second.tag} (pid {other.process.pid} of " in told
        one.send(signal.SIGTERM)
        assert one.wait_exit() == 0
        assert list(two.held().values()) == [second.tag]


def test_the_choice_is_told_with_its_reasons(two: Box, tmp_path: Path) -> None:
    two.play(f"0.memory_used={20 * GIB}", "0.compute=1:21474836480")
    with Life(Case(tmp_path), env=two.environment) as life:
        assert note(life).startswith(
            "placed on card 1: 79.0 GiB free (card 0: 59.0 GiB free, 72.7 GiB are needed; "
        )


def test_a_sick_card_is_left_out(two: Box, tmp_path: Path) -> None:
    two.play("0.rows_pending=1")
    with Life(Case(tmp_path), env=two.environment) as life:
        assert "card 0: a memory row waits to be remapped" in note(life)
        assert seen_by_the_engine(life)[0] == two.uuids[1]
    two.play("*.rows_pending=1")
    told = refusal(Case(tmp_path), two)
    assert "cards 0 and 1: " in told or "card 1: a memory row waits" in told


def test_a_lease_lives_as_long_as_the_engine(two: Box, tmp_path: Path) -> None:
    """kill -9 of the supervisor: its keeper holds the card until the engine is gone."""
    case = Case(tmp_path, "ignore-term@ready")
    with Life(case, env=two.environment) as life:
        life.wait_state("ready")
        (card,) = two.held()
        life.kill(life.process.pid)
        life.wait_exit()
        engine = psutil.Process(life.wait_pid())
        looks = 0
        while True:
            held = two.held()
            if not lives(engine):  # asked second: while it lives, the card was held before
                break
            assert held == {card: case.tag}
            looks += 1
        assert looks
        case.wait_nothing_left()
        eventually(lambda: not two.held(), "a free card")


def lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_nobody_holds_a_card_when_all_are_killed(two: Box, tmp_path: Path) -> None:
    case = Case(tmp_path)
    with Life(case, env=two.environment) as life:
        life.wait_state("ready")
        assert list(two.held().values()) == [case.tag]
        life.kill(life.keeper())
        life.kill(life.process.pid)
        life.wait_exit()
        eventually(lambda: not two.held(), "a free card")


def test_another_try_has_the_same_card(two: Box, tmp_path: Path) -> None:
    case = Case(tmp_path)
    with Life(case, env=two.environment) as life:
        life.wait_state("ready")
        held = two.held()
        life.kill(life.keeper())
        life.wait_pid(2)
        assert two.held() == held
        life.wait_state("ready", times=2)
        life.kill(life.process.pid)
        life.wait_exit()
        case.wait_nothing_left()
        eventually(lambda: not two.held(), "a free card")


def test_a_named_card_is_not_changed_and_not_shared(two: Box, tmp_path: Path) -> None:
    gpus = {"gpus": {"select": [1]}}
    with Life(Case(tmp_path, profile=gpus), env=two.environment) as life:
        life.wait_state("ready")
        assert seen_by_the_engine(life) == ("1", "PCI_BUS_ID")
        assert list(two.held()) == [1]
        again = Case(tmp_path, profile=gpus)
        told = refusal(again, two)
        assert f"error: {again.tag} cannot use card 1, which gpus.select names\n" in told
        assert f"  card 1: used by {life.case.tag} (pid {life.process.pid} of " in told


@pytest.mark.parametrize(
    ("gpus", "words"),
    [
        ({"min_free_memory": "79.5GiB"}, "no card can be used"),
        ({"min_free_memory": "70GiB", "select": [0]}, "card 0: 63.0 GiB free, 72.7 GiB"),
    ],
)
def test_too_little_memory_is_said_at_once(
    two: Box, tmp_path: Path, gpus: dict[str, object], words: str
) -> None:
    two.play(f"0.memory_used={16 * GIB}", "0.compute=1:17179869184")
    assert words in refusal(Case(tmp_path, profile={"gpus": gpus}), two)


def test_memory_that_is_just_being_freed_is_waited_for(two: Box, tmp_path: Path) -> None:
    two.play(f"*.memory_used={60 * GIB}")
    with Life(Case(tmp_path), env=two.environment) as life:
        life.wait_for("waiting a moment: memory is in use that no process has", stream="err")
        two.play()
        assert note(life).startswith("placed on card 0: 79.0 GiB free")


def test_cards_of_the_environment_are_the_only_ones(two: Box, tmp_path: Path) -> None:
    only = two.environment | {"CUDA_VISIBLE_DEVICES": "1"}
    with Life(Case(tmp_path), env=only) as life:
        life.wait_pid()
        assert seen_by_the_engine(life)[0] == two.uuids[1]
        told = refusal(Case(tmp_path), two, CUDA_VISIBLE_DEVICES="1")
        assert "card 0" not in told
        assert "card 1: used by " in told


def test_a_named_card_that_is_not_there_is_refused(two: Box, tmp_path: Path) -> None:
    told = refusal(Case(tmp_path, profile={"gpus": {"select": [9]}}), two)
    assert told.startswith("error: gpus.select names 9: there is no card 9")


@pytest.mark.parametrize(("variable", "why"), [("7", "there is no card 7"), ("", "it is empty")])
def test_an_environment_that_hides_all_cards_is_told(
    two: Box, tmp_path: Path, variable: str, why: str
) -> None:
    hidden = two.environment | {"CUDA_VISIBLE_DEVICES": variable}
    with Life(Case(tmp_path), env=hidden) as life:
        life.wait_pid()
        notes = [str(event["text"]) for event in life.events("noted")]
        begin = f"no cards are chosen: CUDA_VISIBLE_DEVICES hides them all: {why}"
        assert [text for text in notes if text.startswith(begin)]


def test_cards_of_the_profile_s_variable_are_not_changed(two: Box, tmp_path: Path) -> None:
    speed = {"FAKE_VLLM_SPEED": "100"}
    vllm = {"vllm": {"env": {"CUDA_VISIBLE_DEVICES": "1,0"} | speed}}
    with Life(Case(tmp_path, profile=vllm), env=two.environment) as life:
        life.wait_state("ready")
        assert seen_by_the_engine(life) == ("1,0", None)
        assert list(two.held()) == [1]  # the one that it will use


def test_a_vllm_that_reads_no_uuid_gets_numbers(two: Box, tmp_path: Path) -> None:
    two.play("0.rows_pending=1")
    old = {"vllm": {"version": "0.23.0"}}
    with Life(Case(tmp_path, profile=old), env=two.environment) as life:
        assert seen_by_the_engine(life) == ("1", "PCI_BUS_ID")


def test_a_program_that_is_not_vllm_s_python_is_left_alone(two: Box, tmp_path: Path) -> None:
    with Life(Case(tmp_path, once=True), env=two.environment) as life:
        life.wait_state("ready")
        assert seen_by_the_engine(life) == (None, None)
        assert two.held() == {}


def test_two_that_share_a_card_start_one_after_the_other(two: Box, tmp_path: Path) -> None:
    def small(speed: float) -> Case:
        sections: dict[str, dict[str, object]] = {
            "gpus": {"select": [0], "share": True},
            "inference": {"gpu_memory_utilization": 0.4},
        }
        return Case(tmp_path, speed=speed, profile=sections)

    with ExitStack() as stack:
        first = stack.enter_context(Life(small(8), env=two.environment))
        first.wait_pid()
        second = stack.enter_context(Life(small(100), env=two.environment))
        waits = second.wait_for("waiting for .*, which starts on the same card", stream="err")
        assert first.case.tag in waits.text
        second.wait_pid()
        assert first.events("state_changed", state="ready")
        second.wait_state("ready")
        alone = Case(tmp_path, profile={"gpus": {"select": [0]}})
        assert "card 0: used by " in refusal(alone, two)


def test_of_twenty_starts_on_eight_cards_eight_get_one(
    box: Callable[[int], Box], tmp_path: Path
) -> None:
    eight = box(8)
    with ExitStack() as stack:
        lives = [
            stack.enter_context(Life(Case(tmp_path), env=eight.environment)) for _ in range(20)
        ]

        def ended() -> list[Life]:
            return [life for life in lives if life.process.poll() is not None]

        def placed() -> list[Life]:
            return [life for life in lives if "engine_spawned" in "".join(life.lines("out"))]

        eventually(lambda: len(ended()) + len(placed()) == 20, "twenty answers", limit=90)
        assert [life.process.returncode for life in ended()] == [3] * 12
        seen = [seen_by_the_engine(life)[0] for life in placed()]
        assert sorted(map(str, seen)) == sorted(eight.uuids)
        assert len(eight.held()) == 8


def test_the_lease_leaks_to_nobody(two: Box, tmp_path: Path) -> None:
    with Life(Case(tmp_path), env=two.environment) as life:
        life.wait_state("ready")
        below = psutil.Process(life.process.pid).children(recursive=True)
        everybody = {process.pid for process in [*life.family(), *below]}
        assert len(everybody) > len(life.family())  # who asks the driver has no tag
        held = [pid for pid in everybody if has_a_lease(pid)]
        assert sorted(held) == sorted([life.process.pid, life.keeper()])


def has_a_lease(pid: int) -> bool:
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed since
            if fd.readlink().suffix == ".lease":
                return True
    return False
