"""`mixvllm gpus` as a real process, on machines of every kind."""

import contextlib
import ctypes.util
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest

from mixvllm.cli.commands import Command, find
from mixvllm.cli.exits import run as run_command
from mixvllm.cli.plain import plain_words
from mixvllm.gpu.saved import inventory_from_json
from tests.gpu.nvml.playing import WAKES

if TYPE_CHECKING:
    from tests.gpu.nvml.double import Double

pytest_plugins = ["tests.gpu.nvml.double"]

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "mixvllm", "gpus"]


def run(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command, without what it says of cards that have to be waked."""
    ended = run_to_the_end(environment, *arguments)
    ended.stderr = ended.stderr.removeprefix(WAKES)
    return ended


def run_to_the_end(
    environment: dict[str, str], *arguments: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_cards_that_have_to_be_waked_are_waited_for_and_that_is_said(nvml: "Double") -> None:
    nvml.play("two-h100", "delay_ms.nvmlDeviceGetHandleByIndex_v2=1200")
    ended = run_to_the_end(nvml.environment(), "--format", "json")
    assert (ended.returncode, ended.stderr) == (0, WAKES)
    assert [gpu["unavailable"].get("name") for gpu in json.loads(ended.stdout)["gpus"]] == [
        None
    ] * 2


def test_json_has_the_documented_shape(nvml: "Double") -> None:
    nvml.play("two-h100", f"0.compute={os.getpid()}:1000")
    ended = run(nvml.environment(), "--format", "json")
    assert ended.returncode == 0
    assert ended.stderr == ""
    document = json.loads(ended.stdout)
    assert list(document) == [
        *("format_version", "taken_at", "driver", "gpus", "problems", "links", "visible")
    ]
    assert document["format_version"] == 1
    assert document["driver"] == {"version": "580.95.05", "cuda_version": "13.0"}
    assert document["links"] is None
    assert document["visible"] is None
    first, second = document["gpus"]
    assert list(first) == list(second)
    assert list(first)[:7] == [
        *("index", "uuid", "name", "pci_bus_id", "compute_capability", "memory", "utilization")
    ]
    assert first["compute_capability"] == "9.0"
    assert first["utilization"] == {"gpu_percent": 97, "memory_percent": 41}
    assert first["memory"] == {
        "total_bytes": 85_520_809_984,
        "used_bytes": 60_129_542_144,
        "free_bytes": 24_842_534_912,
        "reserved_bytes": 548_732_928,
        "cuda_total_bytes": 84_972_077_056,
    }
    (process,) = document["gpus"][0]["processes"]
    assert list(process) == [
        *("pid", "kinds", "memory_bytes", "name", "user", "command", "instance")
    ]
    assert process["pid"] == os.getpid()
    assert process["memory_bytes"] == 1000
    assert len(inventory_from_json(document).gpus) == 2


def test_the_table_goes_to_stdout_and_what_is_wrong_to_stderr(nvml: "Double") -> None:
    nvml.play("two-h100", "1.ret.*=15")
    ended = run(nvml.environment())
    assert ended.returncode == 0
    lines = ended.stdout.splitlines()
    heads = "card name cc memory util temp health used by"
    assert lines[0].split() == heads.split()
    assert lines[1].split()[-2:] == ["ok", "nobody"]
    assert lines[2] == " 1     no longer answers: the card is lost"
    assert re.fullmatch(
        r"driver 580.95.05, CUDA 13.0, 2 cards, \d+(\.\d)? m?s, no room for power", lines[-1]
    )
    assert max(map(len, lines)) <= 80
    assert ended.stderr.splitlines()[0] == "error: card 1 no longer answers: the card is lost"
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
    assert " 0     ?  " in ended.stdout


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
    assert b"H100 80GB HBM3" in shown
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
    of_port = "model: m\nserver: {port: 18475}\n"
    profile.write_text(f"{of_port}gpus: {{select: [0, 5]}}\n")
    nvml.play("two-h100", "0.memory_used=0")
    missing = "MX400: GPU 5 is not there: this machine has GPUs 0-1"
    assert validated(nvml, profile) == [missing]
    nvml.play("no-cards")  # a driver that sees none: nothing is known
    assert validated(nvml, profile) == []
    nvml.play("two-h100", "0.memory_used=0")
    profile.write_text(f"{of_port}inference: {{tensor_parallel_size: 4}}\n")
    assert [told[:6] for told in validated(nvml, profile)] == ["MX402:"]
    profile.write_text(f"{of_port}gpus: {{min_free_memory: 100GiB}}\n")
    assert [told[:6] for told in validated(nvml, profile)] == ["MX404:"]


def test_the_driver_is_not_asked_for_a_profile_that_takes_what_is_there(
    nvml: "Double", tmp_path: Path
) -> None:
    profile = tmp_path / "p.yaml"
    profile.write_text("model: m\nserver: {port: 18475}\n")
    nvml.play("two-h100")
    nvml.calls()
    assert validated(nvml, profile) == []
    assert nvml.calls() == []


def test_one_card_whole(nvml: "Double") -> None:
    nvml.play("two-h100")
    by_index, by_uuid = (run(nvml.environment(), name) for name in ("1", "GPU-6666"))
    assert by_index.stdout == by_uuid.stdout
    lines = by_index.stdout.splitlines()
    assert lines[0] == "card 1  NVIDIA H100 80GB HBM3  ok"
    assert any(line.startswith("  CUDA will see       about 79.14 GiB") for line in lines)
    ended = run(nvml.environment(), "1", "--format", "json")
    assert [gpu["index"] for gpu in json.loads(ended.stdout)["gpus"]] == [1]


def test_a_slice_is_shown_with_its_card() -> None:
    lines = [
        run(dict(os.environ), "--host", "H100-MIG", name).stdout.splitlines()
        for name in ("0", "0:1", "MIG-")
    ]
    assert lines[0][0].startswith("card 0  NVIDIA H100")
    assert lines[0] == lines[1] == lines[2]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["7"], 3, "error: there is no card 7: the cards are 0, 1"),
        (["GPU-9"], 3, "error: there is no card GPU-9: the cards are 0, 1"),
        (["GPU-"], 2, "error: GPU- begins the UUIDs of cards 0, 1"),
        (["--interval", "2s"], 2, "error: --interval goes with --watch"),
        (["--watch", "--interval", "0.1"], 2, "error: --interval 0.1 is out of range"),
        (["--watch", "--interval", "soon"], 2, "error: --interval: not a duration: 'soon'"),
        (["--watch", "--topology"], 2, "error: --watch does not go with --topology"),
        (["--watch", "--save", "x"], 2, "error: --watch does not go with --save"),
        (["--watch", "--host", "x"], 2, "error: --watch does not go with --host"),
        (["--host", "nowhere.json"], 3, "error: the inventory nowhere.json is not there"),
    ],
)
def test_what_cannot_be_shown(nvml: "Double", words: list[str], code: int, sentence: str) -> None:
    ended = run(nvml.environment(), *words)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.startswith(sentence)
    assert len(ended.stderr.splitlines()) <= 2


def test_processes_and_topology_one_below_the_other(nvml: "Double") -> None:
    nvml.play("two-h100", f"0.compute={os.getpid()}:1073741824")
    ended = run(nvml.environment() | {"COLUMNS": "200"}, "--processes", "--topology")
    lines = ended.stdout.splitlines()
    assert lines[0].split() == ["pid", "user", "card", "memory", "command"]
    assert lines[1].split()[0] == str(os.getpid())
    assert "pytest" in lines[1]
    assert any(line.startswith(" card   NUMA") for line in lines)
    document = json.loads(run(nvml.environment(), "--topology", "--format", "json").stdout)
    ((first, second),) = [(link["first"], link["second"]) for link in document["links"]]
    assert (first, second) == (0, 1)


def test_how_cuda_reads_its_variable_here_and_not_elsewhere(nvml: "Double", tmp_path: Path) -> None:
    environment = nvml.environment() | {"CUDA_VISIBLE_DEVICES": "1,7"}
    saved = tmp_path / "box.json"
    ended = run(environment, "--format", "json", "--save", str(saved))
    visible = json.loads(ended.stdout)["visible"]
    assert visible["cuda_visible_devices"] == "1,7"
    assert [entry["gpu"] for entry in visible["entries"]] == [1, None]
    assert "  7: there is no card 7: CUDA counts 2 from 0" in run(environment).stdout.splitlines()
    elsewhere = run(environment, "--host", str(saved), "--format", "json")
    assert json.loads(elsewhere.stdout)["visible"] is None
    assert "cuda" not in run(environment, "--host", str(saved)).stdout.splitlines()[0]


def test_nothing_heavy_is_imported_for_a_look(nvml: "Double") -> None:
    imported = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mixvllm", "gpus"],
        cwd=ROOT, env=nvml.environment(), capture_output=True, text=True, timeout=60, check=False,
    ).stderr  # fmt: skip
    assert " mixvllm.gpu.inventory\n" in imported
    for heavy in ("typer", "rich", "pydantic", "pynvml", "asyncio"):
        assert f" {heavy}\n" not in imported


@pytest.mark.parametrize(
    "words",
    [
        [], ["1"], ["0", "1"], ["--processes"], ["--topology", "--processes"], ["1", "--topology"],
        ["--format", "json"], ["--format=json", "--topology", "0"], ["7"], ["x"], ["--interval=1"],
        ["--watch"],
    ],
)  # fmt: skip
def test_the_plain_way_and_typers_say_the_same(words: list[str]) -> None:
    command = find("gpus")
    assert command is not None
    assert plain_words(command, words) is not None
    with_host = ["--host", "2x3090", *words]
    assert outcome(command, with_host) == outcome(replace(command, plain_options={}), with_host)


def outcome(command: Command, words: list[str]) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        return run_command(command, words), out.getvalue(), err.getvalue()
