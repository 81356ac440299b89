"""What the kernel's log says of cards."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mixvllm.gpu.kernel import KernelLog, bus_of, is_wsl, seconds_since_start

if TYPE_CHECKING:
    from tests.gpu.nvml.double import Double

pytest_plugins = ["tests.gpu.nvml.double"]

LOG = """\
6,1,1000,-;Linux version 6.8.0
 SUBSYSTEM=pci
4,2,2000000,-;NVRM: Xid (PCI:0000:1a:00): 79, pid=1234, name=python3, GPU has fallen off the bus.
4,3,3000000,-;NVRM: Xid (0000:3B:00): 31, Ch 00000008, MMU Fault: \\x1b[2J
4,4,4000000,-;NVRM: Xid (somewhere): 13
4,5,5000000,-;NVRM: GPU at PCI:0000:1a:00: GPU-0
"""


def test_errors_are_found_with_their_place_and_time(tmp_path: Path) -> None:
    (tmp_path / "kmsg").write_text(LOG)
    log = KernelLog(str(tmp_path / "kmsg"))
    log.read_on()
    assert log.why == ""
    first, second = log.found
    assert (first.bus, first.code, first.at) == ((0, 0x1A, 0), 79, 2.0)
    assert first.message.endswith("GPU has fallen off the bus.")
    assert (second.bus, second.code) == ((0, 0x3B, 0), 31)
    assert second.message.isprintable()


def test_it_reads_on_from_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "kmsg"
    path.write_text(LOG)
    log = KernelLog(str(path))
    log.read_on()
    with path.open("a") as more:
        more.write("4,6,6000000,-;NVRM: Xid (PCI:0000:1a:00): 119, Timeout\n")
    log.read_on()
    assert [xid.code for xid in log.found] == [79, 31, 119]


def test_a_card_that_logs_without_end(tmp_path: Path) -> None:
    lines = [f"4,{n},{n},-;NVRM: Xid (PCI:0000:1a:00): {n}, x\n" for n in range(1, 2001)]
    (tmp_path / "kmsg").write_text("".join(lines))
    log = KernelLog(str(tmp_path / "kmsg"))
    log.read_on()
    assert [xid.code for xid in log.found] == list(range(1745, 2001))


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    log = KernelLog(str(tmp_path / "none"))
    log.read_on()
    assert log.why == f"the kernel's log is not there ({tmp_path}/none)"
    assert log.found == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("00000000:1A:00.0", (0, 26, 0)),
        ("0000:1a:00", (0, 26, 0)),
        ("0000000F:01:00.0", (15, 1, 0)),
        ("1a:00.0", (0, 26, 0)),
        ("", None),
        ("GPU-1", None),
    ],
)
def test_places_on_the_bus(text: str, place: tuple[int, int, int] | None) -> None:
    assert bus_of(text) == place


def test_windows(tmp_path: Path) -> None:
    kernel = tmp_path / "sys" / "kernel"
    kernel.mkdir(parents=True)
    (kernel / "osrelease").write_text("5.15.153.1-microsoft-standard-WSL2\n")
    assert is_wsl(str(tmp_path))
    (kernel / "osrelease").write_text("6.8.0-45-generic\n")
    assert not is_wsl(str(tmp_path))
    assert not is_wsl(str(tmp_path / "none"))


def test_a_card_has_its_errors_and_no_other(nvml: "Double", tmp_path: Path) -> None:
    now = round(1e6 * seconds_since_start())
    line = "4,{0},{0},-;NVRM: Xid (PCI:0000:{1}:00): {2}, pid=1\n"
    (tmp_path / "kmsg").write_text(line.format(now, "1a", 31) + line.format(now, "77", 79))
    nvml.play("two-h100", "0.recovery_action=1")
    inventory = nvml.inventory(kmsg=tmp_path / "kmsg")
    first, second = inventory.gpus
    assert first.xids is not None
    assert [(xid.code, xid.message) for xid in first.xids] == [(31, "pid=1")]
    ago = first.xids[0].seconds_ago
    assert ago is not None
    assert 0 <= ago < 60
    assert second.xids == ()
    assert [(problem.code, problem.gpu) for problem in inventory.problems] == [
        ("recovery-action", 0),
        ("xid-seen", 0),
        ("xid-elsewhere", None),
    ]
    assert "PCI device 0000:77:00" in inventory.problems[2].message


def test_a_log_that_may_not_be_read_is_a_reason(nvml: "Double", tmp_path: Path) -> None:
    gpu = nvml.inventory(kmsg=tmp_path / "none").gpus[0]
    assert gpu.xids is None
    assert gpu.unavailable["xids"].startswith("the kernel's log is not there")
