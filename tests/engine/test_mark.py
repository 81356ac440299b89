"""The mark that every descendant inherits."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mixvllm.engine import family, mark
from mixvllm.engine.family import Member
from tests.engine.plays import HOME, eventually

_WEAR = f"""
import os, signal, sys
sys.path.insert(0, {HOME!r})
from mixvllm.engine import family, mark
mark.wear(int(sys.argv[1]))
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.execvp("sleep", ["sleep", "600"])
os.wait()
os.execvp("sleep", ["sleep", "600"])
"""


def two_sleepers(keeper: Member) -> list[family.Process]:
    """Both of them, when they are what they are going to be; else nobody."""
    found = mark.marked(mark.mark_of(keeper))
    names = [Path(f"/proc/{one.member.pid}/comm") for one in found]
    try:
        ready = [name.read_text() for name in names] == ["sleep\n", "sleep\n"]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return found if ready else []


@given(st.builds(Member, st.integers(1, 2**22 - 1), st.integers(0, 2**38 - 1)))
def test_a_mark_stands_for_one_keeper(keeper: Member) -> None:
    assert mark.keeper_of(mark.mark_of(keeper)) == keeper
    assert mark.mark_of(keeper) < resource.RLIM_INFINITY % 2**64


def test_it_passes_through_fork_exec_and_setsid_and_finds_strays() -> None:
    us = family.identify(os.getpid())
    nobody = Member(us.pid, us.start + 1)  # a keeper that is not there, so these are strays
    process = subprocess.Popen([sys.executable, "-c", _WEAR, str(mark.mark_of(nobody))])
    try:
        found = eventually(lambda: two_sleepers(nobody))
        sessions = {one.session for one in found}
        assert len(sessions) == 2
        strays = {one.member for keeper, one in mark.strays() if keeper == nobody}
        assert strays == {one.member for one in found}
    finally:
        for one in mark.marked(mark.mark_of(nobody)):
            family.send(signal.SIGKILL, one.member)
        process.wait()


def test_those_whose_keeper_lives_are_no_strays() -> None:
    us = family.identify(os.getpid())
    process = subprocess.Popen([sys.executable, "-c", _WEAR, str(mark.mark_of(us))])
    try:
        eventually(lambda: two_sleepers(us))
        assert us not in {keeper for keeper, _ in mark.strays()}
    finally:
        for one in mark.marked(mark.mark_of(us)):
            family.send(signal.SIGKILL, one.member)
        process.wait()


def test_ordinary_processes_wear_none() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_RTTIME)
    assert soft == resource.RLIM_INFINITY
    own = mark.mark_of(family.identify(os.getpid()))
    # What an earlier test ended may still be on its way out.
    eventually(lambda: not family.living(mark.marked(own)), "nobody with this process's mark")
