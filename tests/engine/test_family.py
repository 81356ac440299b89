"""Who belongs together, signals that cannot hit a stranger, and the plan that ends a family."""

import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.engine import family
from mixvllm.engine.family import Member, Sweep
from tests.engine.plays import eventually, program


@contextmanager
def running(text: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A program in its own session, killed afterwards. It has said its first line."""
    process = subprocess.Popen(program(text), stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield process
    finally:
        for one in [*family.descendants(process.pid), *family.members(process.pid)]:
            family.send(signal.SIGKILL, one.member)
        process.stdout.close()
        process.wait()


def pids(processes: list[family.Process]) -> set[int]:
    return {process.member.pid for process in processes}


def test_we_see_ourselves() -> None:
    us = family.look(os.getpid())
    assert us is not None
    assert us.member == family.identify(os.getpid())
    assert (us.parent, us.session, us.alive) == (os.getppid(), os.getsid(0), True)
    assert us in list(family.everybody()) or us.threads != threading.active_count()


def test_a_name_with_blanks_and_brackets_confuses_nobody() -> None:
    text = "open('/proc/self/comm', 'w').write(') Z 1 (x'); say('named'); wait()"
    with running(text) as process:
        seen = family.look(process.pid)
        assert seen is not None
        assert (seen.parent, seen.session, seen.alive) == (os.getpid(), process.pid, True)


def test_descendants_cross_sessions_and_a_session_does_not() -> None:
    text = """
read, write = os.pipe()
child(lambda: os.write(write, b"1"))
child(lambda: child(lambda: os.write(write, b"1"), session=True))
while len(os.read(read, 1)) and os.fstat(read):
    break
say("up")
wait()
"""
    with running(text) as process:
        eventually(lambda: len(family.descendants(process.pid)) == 3, "three descendants")
        # The grandchild leaves the session a moment after it is there.
        eventually(lambda: len(family.members(process.pid)) == 3, "one in a session of its own")
        inside = pids(family.members(process.pid))
        below = pids(family.descendants(process.pid))
        assert process.pid in inside
        assert process.pid not in below
        assert len(inside - {process.pid}) == 2
        assert inside - {process.pid} < below


def test_a_zombie_is_seen_but_not_alive() -> None:
    process = subprocess.Popen(["true"])
    eventually(lambda: (seen := family.look(process.pid)) and seen.state == "Z", "a zombie")
    seen = family.look(process.pid)
    assert seen is not None
    assert not seen.alive
    assert family.living([seen]) == []
    assert process.wait() == 0
    assert family.look(process.pid) is None


@pytest.mark.skipif(platform.machine() not in {"x86_64", "aarch64"}, reason="needs SYS_exit")
def test_a_process_whose_main_thread_has_ended_is_alive() -> None:
    """It looks like a zombie in /proc, and still holds what it holds."""
    number = {"x86_64": 60, "aarch64": 93}[platform.machine()]
    text = f"""
import ctypes, threading
threading.Thread(target=lambda: time.sleep(600)).start()
say("up")
ctypes.CDLL(None).syscall({number}, 0)
"""
    with running(text) as process:
        eventually(lambda: (seen := family.look(process.pid)) and seen.state == "Z", "the end")
        seen = family.look(process.pid)
        assert seen is not None
        assert seen.alive


def test_a_signal_reaches_its_member() -> None:
    with running("say('up'); wait()") as process:
        assert family.send(signal.SIGTERM, family.identify(process.pid))
        assert process.wait(20) == -signal.SIGTERM


def test_a_signal_does_not_reach_who_only_has_the_same_pid() -> None:
    """What a recycled pid looks like: the number is right, the start is not."""
    with running("say('up'); wait()") as process:
        pid, start = family.identify(process.pid)
        assert not family.send(signal.SIGKILL, Member(pid, start - 1))
        assert not family._send_by_number(signal.SIGKILL, Member(pid, start - 1))
        assert process.poll() is None
        assert family._send_by_number(signal.SIGTERM, Member(pid, start))
        assert process.wait(20) == -signal.SIGTERM
        assert not family.send(signal.SIGKILL, Member(pid, start))
        assert not family._send_by_number(signal.SIGKILL, Member(pid, start))


def test_nobody_is_identified_by_a_free_pid() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    with pytest.raises(ProcessLookupError, match=str(process.pid)):
        family.identify(process.pid)


def test_a_session_is_found_when_its_leader_is_dead() -> None:
    with running("child(polite); say('up'); wait()") as process:
        leader = family.identify(process.pid)
        eventually(lambda: len(family.members(process.pid)) == 2, "a child")
        process.kill()
        process.wait()
        assert len(family.session_of(leader)) == 1
        for one in family.session_of(leader):
            assert family.send(signal.SIGKILL, one.member)


def test_a_session_with_the_number_of_an_older_one_is_another() -> None:
    with running("say('up'); wait()") as process:
        pid, start = family.identify(process.pid)
        assert len(family.session_of(Member(pid, start))) == 1
        assert family.session_of(Member(pid, start - 1)) == []


def test_only_our_own_dead_are_reaped() -> None:
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", "raise SystemExit(5)"])
    eventually(lambda: (seen := family.look(process.pid)) and not seen.alive, "a zombie")
    seen = family.look(process.pid)
    assert seen is not None
    assert family.reap(seen._replace(parent=1)) is None
    assert family.reap(seen) == 5
    assert family.reap(seen) is None
    process.wait()


# the plan


class Town:
    """A family on paper: how many SIGTERMs, and then SIGKILLs, each member survives."""

    def __init__(self, terms: dict[Member, int], *, immortal: frozenset[Member] = frozenset()):
        self.terms = terms
        self.immortal = immortal
        self.sent: list[tuple[signal.Signals, Member]] = []

    @property
    def alive(self) -> list[Member]:
        return list(self.terms)

    def send(self, sig: signal.Signals, member: Member) -> bool:
        self.sent.append((sig, member))
        if member not in self.terms:
            return False
        if sig == signal.SIGTERM:
            self.terms[member] -= 1
        if self.terms[member] < 0 or (sig == signal.SIGKILL and member not in self.immortal):
            del self.terms[member]
        return True


A, B = Member(2, 20), Member(3, 30)


def test_the_plan_asks_once_and_wakes_the_stopped() -> None:
    town = Town({A: 5})
    sweep = Sweep(100.0, grace=3.0)
    for now in (100.0, 101.0, 102.9):
        sweep.step(now, town.alive, town.send)
    assert town.sent == [(signal.SIGTERM, A), (signal.SIGCONT, A)]
    sweep.step(103.0, town.alive, town.send)
    assert town.sent[2:] == [(signal.SIGKILL, A)]
    assert sweep.killed == {A}


def test_the_plan_asks_newcomers_too() -> None:
    town = Town({A: 5})
    sweep = Sweep(0.0, grace=3.0)
    sweep.step(0.0, town.alive, town.send)
    town.terms[B] = 5
    sweep.step(1.0, town.alive, town.send)
    assert (signal.SIGTERM, B) in town.sent


def test_the_plan_wants_two_empty_looks_in_a_row() -> None:
    sweep = Sweep(0.0, grace=3.0)
    town = Town({})
    sweep.step(0.0, [], town.send)
    assert not sweep.done
    sweep.step(0.1, [A], lambda *_: True)
    sweep.step(0.2, [], town.send)
    assert not sweep.done
    sweep.step(0.3, [], town.send)
    assert sweep.done
    assert sweep.left == []


def test_the_plan_gives_up_on_the_immortal_and_names_them() -> None:
    """A process in an uninterruptible driver call, for instance."""
    town = Town({A: 99, B: 0}, immortal=frozenset({A}))
    sweep = Sweep(0.0, grace=0.0)
    now = 0.0
    while not sweep.done:
        sweep.step(now, town.alive, town.send)
        now += 0.05
    assert sweep.left == [A]
    assert family.STUBBORN < now < family.STUBBORN + 0.2


def test_haste_only_shortens() -> None:
    sweep = Sweep(0.0, grace=5.0)
    sweep.hurry(1.0, 60.0)
    assert sweep.deadline == 5.0
    sweep.hurry(1.0, 1.0)
    assert sweep.deadline == 2.0


@given(
    survives=st.lists(st.integers(0, 3), max_size=6),
    births=st.lists(st.tuples(st.floats(0, 4), st.integers(0, 3)), max_size=6),
    grace=st.floats(0, 3),
)
def test_the_plan_always_ends_with_nobody_left(
    survives: list[int], births: list[tuple[float, int]], grace: float
) -> None:
    town = Town({Member(pid, 1): terms for pid, terms in enumerate(survives, 10)})
    waiting = sorted(births)
    sweep = Sweep(0.0, grace)
    now = 0.0
    while not sweep.done:
        while waiting and waiting[0][0] <= now and town.alive:  # only the living bear children
            town.terms[Member(100 + len(waiting), 2)] = waiting.pop(0)[1]
        sweep.step(now, town.alive, town.send)
        now += 0.05
        assert now < 10
    assert town.alive == []
    assert sweep.left == []
    killed = {member for sig, member in town.sent if sig == signal.SIGKILL}
    assert sweep.killed == killed
