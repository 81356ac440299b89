"""Zombies are buried, but not those that somebody is about to fetch."""

import subprocess

from mixvllm.engine import family
from mixvllm.engine.reaper import Reaper
from tests.engine.plays import eventually


def test_only_what_has_been_dead_for_a_while_is_buried() -> None:
    process = subprocess.Popen(["sh", "-c", "exit 3"])
    eventually(lambda: (seen := family.look(process.pid)) and not seen.alive, "a zombie")
    reaper = Reaper()
    assert reaper.reap(100.0) == []
    assert reaper.reap(104.9) == []
    assert process.pid in reaper.reap(105.0)
    assert family.look(process.pid) is None
    process.wait()


def test_the_living_are_left_alone() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        reaper = Reaper()
        reaper.reap(0.0)
        assert process.pid not in reaper.reap(10.0)
        process.communicate()
        assert process.returncode == 0


def test_a_status_that_is_fetched_in_time_is_not_stolen() -> None:
    process = subprocess.Popen(["sh", "-c", "exit 3"])
    eventually(lambda: (seen := family.look(process.pid)) and not seen.alive, "a zombie")
    reaper = Reaper()
    reaper.reap(0.0)
    assert process.wait() == 3
    assert process.pid not in reaper.reap(10.0)
