"""The same cards through three independent readers: nvitop, gpustat, and ours.

Each is a process of its own that loads the same library. What one of them cannot say, the others
may not know either, but for the exceptions that stand here by name.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.gpu.nvml import generated
from tests.gpu.nvml.playing import ROOT, Double, Stage, scenario_text

pytest_plugins = ["tests.gpu.nvml.double"]

MIB = 2**20
TRIES = 3  # on a machine so busy that a healthy card is late
Json = dict[str, Any]

HEALTHY: dict[str, Callable[[], str]] = {
    name: partial(scenario_text, name)
    for name in (
        *("two-h100", "one-t4", "two-3090", "four-a100-40", "eight-h100", "eight-h200"),
        *("h100-mig", "gb10", "mixed", "geforce", "wsl", "container", "old-driver", "r535"),
    )
} | {
    "500-processes": generated.many_processes,
    "16-cards": generated.sixteen_cards,
    "mig-everywhere": generated.mig_everywhere,
}


@pytest.fixture(params=HEALTHY)
def machine(
    request: pytest.FixtureRequest,
    built_nvml: Double,
    built_old_nvml: Double,
    r535_library: Path,
    tmp_path: Path,
) -> tuple[str, dict[str, str]]:
    """A healthy machine: its name, and the environment of a process on it."""
    libraries = {"old-driver": built_old_nvml.library, "r535": r535_library}
    library = libraries.get(request.param, built_nvml.library)
    stage = Stage(library, tmp_path)
    stage.play_text(HEALTHY[request.param]())
    return request.param, stage.environment()


def said(environ: Mapping[str, str], *programs: tuple[str, ...]) -> list[Any]:
    """What programs print as JSON; they run at the same time."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for words in programs
    ]  # fmt: skip
    answers = []
    for program in running:
        out, err = program.communicate(timeout=60)
        assert program.returncode == 0, err
        answers.append(json.loads(out))
    return answers


NVITOP = ("tests.gpu.nvml.by_nvitop",)
GPUSTAT = ("gpustat", "--json")
OURS = ("mixvllm", "gpus", "--format", "json")


def bytes_by_pid(device: Json) -> dict[str, int | None]:
    return {str(one["pid"]): one["memory_bytes"] for one in device["processes"] or []}


def disagreements(theirs: Json, our: Json, path: str = "") -> list[str]:
    """The places where another reader has something else than we do."""
    found = []
    for key, value in theirs.items():
        place = f"{path}{key}"
        mine = bytes_by_pid(our) if key == "pids" else our[key]
        if isinstance(value, dict) and key != "pids":
            found += disagreements(value, mine, f"{place}.")
        elif key == "mig_devices":
            assert len(value) == len(mine or []), place
            for their_part, our_part in zip(value, mine or [], strict=True):
                found += disagreements(their_part, our_part, f"{place}.")
        elif value != mine:
            found.append(f"{place}: {value} there, {mine} here")
    return found


def living(pids: dict[str, int | None]) -> dict[int, int | None]:
    """gpustat leaves out a process that is gone; and it speaks in MiB."""
    found = {int(pid): size for pid, size in pids.items() if Path(f"/proc/{pid}").exists()}
    return {pid: None if size is None else size // MIB for pid, size in found.items()}


def in_words_of_gpustat(card: Json) -> Json:
    """What gpustat would say of a card of ours."""
    memory, watts, limit = card["memory"], card["power_watts"], card["power_limit_watts"]
    return {
        "index": card["index"],
        "uuid": card["uuid"],
        "name": card["name"],
        "temperature.gpu": card["temperature_celsius"],
        "fan.speed": card["fan_percent"],
        "utilization.gpu": card["utilization"]["gpu_percent"],
        "power.draw": None if watts is None else int(watts),
        "enforced.power.limit": None if limit is None else int(limit),
        "memory.used": (memory["used_bytes"] or 0) // MIB,
        "memory.total": (memory["total_bytes"] or 0) // MIB,
        "processes": living(bytes_by_pid(card)),
    }


def test_three_readers_see_the_same(machine: tuple[str, dict[str, str]]) -> None:
    name, environ = machine
    for _ in range(TRIES):
        nvitop, gpustat, ours = said(environ, NVITOP, GPUSTAT, OURS)
        if not any(problem["code"] == "no-answer" for problem in ours["problems"]):
            break
    cards = ours["gpus"]
    assert len(nvitop) == len(gpustat["gpus"]) == len(cards) > 0
    for card, by_nvitop, by_gpustat in zip(cards, nvitop, gpustat["gpus"], strict=True):
        words = in_words_of_gpustat(card)
        if name == "gb10":
            # gpustat has no figures either; nvitop answers with the host's memory
            assert by_gpustat["memory.total"] in (None, 0)
            del by_nvitop["memory"], words["memory.used"], words["memory.total"]
            assert card["memory"]["total_bytes"] is None
            assert "shares the host's" in card["unavailable"]["memory.total_bytes"]
        assert disagreements(by_nvitop, card) == []
        by_gpustat["processes"] = {
            one["pid"]: one["gpu_memory_usage"] for one in by_gpustat["processes"] or []
        }
        assert {key: by_gpustat[key] for key in words} == words


def test_a_disagreement_is_seen(built_nvml: Double, tmp_path: Path) -> None:
    """The comparison itself: two machines that differ in one figure of one process."""
    pid = os.getpid()
    stage = Stage(built_nvml.library, tmp_path)
    stage.play("two-h100", f"1.compute={pid}:1000")
    (theirs,) = said(stage.environment(), NVITOP)
    stage.play("two-h100", f"1.compute={pid}:2000")
    (ours,) = said(stage.environment(), OURS)
    assert disagreements(theirs[1], ours["gpus"][1]) == [
        f"pids: {{'{pid}': 1000}} there, {{'{pid}': 2000}} here"
    ]
