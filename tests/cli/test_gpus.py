"""`mixvllm gpus` as a real process, on machines of every kind."""

import ctypes.util
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest

from mixvllm.gpu.saved import inventory_from_json

if TYPE_CHECKING:
    from tests.gpu.nvml.double import Double

pytest_plugins = ["tests.gpu.nvml.double"]

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "mixvllm", "gpus"]


def run(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_json_has_the_documented_shape(nvml: "Double") -> None:
    nvml.play("two-h100", f"0.compute={os.getpid()}:1000")
    ended = run(nvml.environment(), "--format", "json")
    assert ended.returncode == 0
    assert ended.stderr == ""
    document = json.loads(ended.stdout)
    assert list(document) == ["format_version", "taken_at", "driver", "gpus", "problems"]
    assert document["format_version"] == 1
    assert document["driver"] == {"version": "580.95.05", "cuda_version": "13.0"}
    first, second = document["gpus"]
    assert list(first) == list(second)
    assert list(first) == [
        *("index", "uuid", "name", "pci_bus_id", "compute_capability", "memory", "utilization"),
        *("temperature_celsius", "power_watts", "power_limit_watts", "mig_enabled"),
        *("ecc_uncorrected_errors", "row_remap_pending", "row_remap_failed"),
        *("processes", "unavailable"),
    ]
    assert first["compute_capability"] == "9.0"
    assert first["utilization"] == {"gpu_percent": 97, "memory_percent": 41}
    assert first["memory"] == {
        "total_bytes": 85_520_809_984,
        "used_bytes": 60_129_542_144,
        "free_bytes": 24_842_534_912,
        "reserved_bytes": 548_732_928,
    }
    (process,) = document["gpus"][0]["processes"]
    assert list(process) == ["pid", "kinds", "memory_bytes", "name", "user"]
    assert process["pid"] == os.getpid()
    assert process["memory_bytes"] == 1000
    assert len(inventory_from_json(document).gpus) == 2


def test_the_table_goes_to_stdout_and_what_is_wrong_to_stderr(nvml: "Double") -> None:
    nvml.play("two-h100", "1.ret.*=15")
    ended = run(nvml.environment())
    assert ended.returncode == 0
    lines = ended.stdout.splitlines()
    assert lines[0].split() == ["card", "name", "memory", "util", "temp", "health", "used", "by"]
    assert lines[1].split()[-2:] == ["ok", "nobody"]
    assert lines[2].split() == ["1", "-", "-", "-", "-", "lost", "-"]
    assert lines[-1] == "driver 580.95.05, CUDA 13.0, 2 cards, no room for cc power"
    assert max(map(len, lines)) <= 80
    assert ended.stderr.splitlines()[0] == ("warning: card 1 no longer answers: the card is lost")
    assert "\x1b" not in ended.stdout + ended.stderr


def test_the_width_is_that_of_the_terminal(nvml: "Double") -> None:
    wide = run(nvml.environment() | {"COLUMNS": "200"})
    assert "612 of 700 W" in wide.stdout
    narrow = run(nvml.environment() | {"COLUMNS": "44"})
    table = narrow.stdout.split("\n\n", maxsplit=1)[0]
    assert max(map(len, table.splitlines())) <= 44
    assert "56.0 of 79.6 GiB" in table


def test_a_stdout_of_ascii(nvml: "Double") -> None:
    nvml.play("two-h100", r"0.name=NVIDIA \xff")
    environment = nvml.environment() | {"PYTHONIOENCODING": "ascii", "COLUMNS": "200"}
    ended = run(environment)
    assert ended.returncode == 0
    assert "#######..." in ended.stdout
    assert "NVIDIA ?" in ended.stdout


@pytest.mark.parametrize(("more", "colored"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_only_where_they_are_wanted(
    nvml: "Double", more: dict[str, str], colored: bool
) -> None:
    ours, theirs = pty.openpty()
    environment = nvml.environment() | {"TERM": "xterm-256color", **more}
    with subprocess.Popen(COMMAND, cwd=ROOT, env=environment, stdout=theirs, stderr=theirs) as run_:
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
    os.close(ours)
    assert run_.returncode == 0
    assert b"NVIDIA H100" in shown
    assert (b"\x1b[" in shown) is colored


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says EIO when the other side is closed
        return b""


@pytest.mark.parametrize(
    ("scenario", "line", "code", "sentence"),
    [
        ("no-cards", "", "no-cards", "NVIDIA driver 580.95.05 is loaded, but sees no card"),
        ("mismatch", "", "version-mismatch", "but libnvidia-ml.so.1 is of 580.95.05"),
        ("two-h100", "ret.nvmlInitWithFlags=9", "driver-not-loaded", "is not loaded"),
        ("two-h100", "ret.nvmlInitWithFlags=4", "no-permission", "this user may not talk to"),
    ],
)
def test_no_cards_to_ask(
    nvml: "Double", scenario: str, line: str, code: str, sentence: str
) -> None:
    nvml.play(scenario, line)
    text = run(nvml.environment())
    assert text.returncode == 3
    assert text.stdout == ""
    assert text.stderr.startswith("error: ")
    assert sentence in text.stderr.splitlines()[0]
    assert len(text.stderr.splitlines()) == 2
    ended = run(nvml.environment(), "--format", "json")
    assert ended.returncode == 3
    document = json.loads(ended.stdout)
    assert document["gpus"] == []
    (problem,) = document["problems"]
    assert problem["code"] == code
    assert sentence in problem["message"]
    assert problem["hint"]
    assert (document["driver"] is None) == (code != "no-cards")


def test_no_library(nvml: "Double") -> None:
    if ctypes.util.find_library("nvidia-ml"):
        pytest.skip("this machine has an NVIDIA driver")
    environment = nvml.environment()
    del environment["LD_LIBRARY_PATH"]
    ended = run(environment)
    assert ended.returncode == 3
    assert ended.stderr.splitlines()[0] == (
        "error: no NVIDIA driver on this machine: libnvidia-ml.so.1 was not found"
    )


def test_a_library_that_does_not_load(nvml: "Double", tmp_path: Path) -> None:
    (tmp_path / "libnvidia-ml.so.1").write_text("")
    ended = run(nvml.environment() | {"LD_LIBRARY_PATH": str(tmp_path)})
    assert ended.returncode == 3
    assert "does not load: " in ended.stderr
    assert "file too short" in ended.stderr


def test_ctrl_c_ends_it_while_the_driver_hangs(nvml: "Double", tmp_path: Path) -> None:
    nvml.play("two-h100", "delay_ms.nvmlInitWithFlags=60000")
    calls = tmp_path / "calls"
    environment = nvml.environment() | {"NVML_DOUBLE_CALLS": str(calls)}
    with subprocess.Popen(
        COMMAND, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        deadline = monotonic() + 30
        while not (calls.exists() and calls.read_text()):
            assert running.poll() is None
            assert monotonic() < deadline
            sleep(0.01)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=10) == 130
        assert running.stderr is not None
        assert running.stderr.read() == b"interrupted\n"


def test_the_command_starts_light() -> None:
    heavy = ["pynvml", "rich", "pydantic", "pydantic_settings", "ruamel", "tornado", "psutil"]
    program = (
        f"import sys, mixvllm.cli.gpus\nprint([name for name in {heavy!r} if name in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    assert ended.stdout == "[]\n"


def test_an_inventory_is_saved_whole(nvml: "Double", tmp_path: Path) -> None:
    nvml.play("two-h100")
    path = tmp_path / "box.json"
    ended = run(nvml.environment(), "--save", str(path))
    assert ended.returncode == 0
    assert "H100" in ended.stdout
    saved = inventory_from_json(json.loads(path.read_text()))
    assert [gpu.index for gpu in saved.gpus] == [0, 1]


def test_without_a_card_nothing_is_saved(nvml: "Double", tmp_path: Path) -> None:
    nvml.play("no-cards")
    path = tmp_path / "box.json"
    assert run(nvml.environment(), "--save", str(path)).returncode == 3
    assert not path.exists()


def test_a_place_where_it_cannot_be_saved(nvml: "Double", tmp_path: Path) -> None:
    nvml.play("two-h100")
    ended = run(nvml.environment(), "--save", str(tmp_path / "none" / "box.json"))
    assert ended.returncode == 3
    assert "cannot be written: No such file or directory" in ended.stderr


def validated(nvml: "Double", profile: Path, *words: str) -> list[str]:
    """The codes and messages of a profile's findings on the machine that the library plays."""
    ended = subprocess.run(
        [sys.executable, "-m", "mixvllm", "validate", "--format", "json", str(profile), *words],
        cwd=ROOT, env=nvml.environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    (result,) = json.loads(ended.stdout)["profiles"]
    return [f"{found['code']}: {found['message']}" for found in result["diagnostics"]]


def test_a_profile_is_compared_with_the_cards_of_this_machine(
    nvml: "Double", tmp_path: Path
) -> None:
    profile = tmp_path / "p.yaml"
    profile.write_text("model: m\nserver: {port: 18475}\ngpus: {select: [0, 5]}\n")
    nvml.play("two-h100")
    missing = "MX400: GPU 5 is not there: this machine has GPUs 0-1"
    assert validated(nvml, profile) == [missing]
    nvml.play("no-cards")  # a driver that sees none: nothing is known
    assert validated(nvml, profile) == []
    profile.write_text(
        "model: m\nserver: {port: 18475}\ninference: {tensor_parallel_size: 4}\n"
        "gpus: {min_free_memory: 100GiB}\n"
    )
    nvml.play("two-h100")
    assert [told[:6] for told in validated(nvml, profile)] == ["MX402:", "MX404:"]


def test_the_driver_is_not_asked_for_a_profile_that_takes_what_is_there(
    nvml: "Double", tmp_path: Path
) -> None:
    profile = tmp_path / "p.yaml"
    profile.write_text("model: m\nserver: {port: 18475}\n")
    nvml.play("two-h100")
    nvml.calls()
    assert validated(nvml, profile) == []
    assert nvml.calls() == []
