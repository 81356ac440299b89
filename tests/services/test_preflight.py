"""What is known to fail before anything is started, in words."""

import os
import re
import socket
from pathlib import Path

import psutil
import pytest

from mixvllm.core.errors import MachineFault, PortTaken
from mixvllm.services.address import holder_of
from mixvllm.services.preflight import make_run_folder, take_port
from mixvllm.testing.running import free_port

KEY = "server.port"


def test_a_free_port_is_ours() -> None:
    port = free_port()
    mine = take_port("localhost", port, key=KEY)
    assert mine.address in {"127.0.0.1", "::1"}
    mine.close()


def test_a_port_that_somebody_listens_on_names_him() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken) as refused:
            take_port("127.0.0.1", port, key=KEY)
        assert holder_of(port).startswith(f"pid {os.getpid()} (")
    assert str(refused.value).startswith(
        f"port {port} on 127.0.0.1 is taken by pid {os.getpid()} ("
    )
    assert f"--set {KEY}={port + 1}" in refused.value.hint
    take_port("127.0.0.1", port, key=KEY).close()


def test_a_port_that_was_just_left_can_be_had() -> None:
    """In TIME_WAIT, as after every restart under load."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            served, _ = server.accept()
            served.close()  # the side that closes first has to wait
    waiting = [c for c in psutil.net_connections("tcp") if c.laddr[1:2] == (port,)]
    assert {c.status for c in waiting} <= {psutil.CONN_TIME_WAIT, psutil.CONN_FIN_WAIT2}
    take_port("127.0.0.1", port, key=KEY).close()


def test_ipv6() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken):
            take_port("::1", port, key=KEY)
        take_port("127.0.0.1", port, key=KEY).close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "256.1.1.1"])
def test_an_address_of_another_machine(host: str) -> None:
    with pytest.raises(MachineFault, match=re.escape(f"{host} is no address of this machine")):
        take_port(host, free_port(), key=KEY)


@pytest.mark.skipif(
    int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) < 2 or os.geteuid() == 0,
    reason="this user may take every port",
)
def test_a_port_that_needs_root() -> None:
    with pytest.raises(MachineFault, match=r"port 1 on 127\.0\.0\.1 is not allowed for this user"):
        take_port("127.0.0.1", 1, key=KEY)


def test_a_run_has_a_folder_of_its_own(tmp_path: Path) -> None:
    first = make_run_folder(tmp_path / "runs", "llama", "2026-11-22T09-12-44")
    second = make_run_folder(tmp_path / "runs", "llama", "2026-11-22T09-12-44")
    assert first == tmp_path / "runs" / "llama" / "2026-11-22T09-12-44"
    assert second == first.with_name(f"{first.name}-{os.getpid()}")
    for folder in (first, second):
        assert [path.name for path in folder.iterdir()] == ["vllm.log"]
        assert (folder / "vllm.log").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(MachineFault, match="cannot be used: Not a directory") as refused:
        make_run_folder(tmp_path / "runs", "llama", "now")
    assert refused.value.hint.endswith("--set logging.directory=DIR")
