"""A look at this machine: real ports, folders, limits and users."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mixvllm.rules.base import Facts
from mixvllm.rules.machine import Folder, Machine, Trouble
from mixvllm.services.address import NoAddress, is_ours, resolve
from mixvllm.services.check import Request, check
from mixvllm.services.look.folders import look_at_folder, sockets_base
from mixvllm.testing.running import free_port

ROOT = Path(__file__).parents[3]


def facts(text: str, folder: Path, **environ: str) -> Facts:
    """What is known of a profile in that folder after a look."""
    path = folder / "profile.yaml"
    path.write_text(text)
    own = {"PATH": "", "HOME": str(folder), **environ}
    return check(Request(path, own, release="0.32.0", look=True)).facts


def seen(text: str, folder: Path, **environ: str) -> Machine:
    machine = facts(text, folder, **environ).seen
    assert machine is not None
    return machine


def at(port: int, host: str = "127.0.0.1") -> str:
    return f"model: org/name\nserver: {{host: '{host}', port: {port}}}\n"


def test_a_free_port(tmp_path: Path) -> None:
    assert seen(at(free_port()), tmp_path).api is None


def test_nothing_is_seen_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "profile.yaml"
    path.write_text(at(free_port()))
    plain = check(Request(path, {"PATH": "", "VLLM_PORT": "tcp://x"}))
    assert plain.facts.seen is None
    assert plain.diagnostics == ()


def test_a_port_that_somebody_listens_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = seen(at(port), tmp_path).api
        assert refused is not None
        assert refused.trouble is Trouble.TAKEN
        assert refused.words.startswith(f"pid {os.getpid()} (")
        everywhere = seen(at(port, "0.0.0.0"), tmp_path).api
        assert everywhere is not None
        assert everywhere.trouble is Trouble.TAKEN
    assert seen(at(port), tmp_path).api is None


_RESERVES = """
import sys
from mixvllm.services.reservation import Reservation
held = Reservation("127.0.0.1", int(sys.argv[2]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(("profile", "trouble"), [("profile.yaml", Trouble.OURS),
                                                  ("other.yaml", Trouble.TAKEN)])  # fmt: skip
def test_a_port_that_another_serve_has(tmp_path: Path, profile: str, trouble: Trouble) -> None:
    """Before its engine listens, too; of this profile when it stands on its command line."""
    port = free_port()
    serving = subprocess.Popen(
        [sys.executable, "-c", _RESERVES, profile, str(port)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert serving.stdout is not None
        assert serving.stdout.readline() == "held\n"
        refused = seen(at(port), tmp_path).api
        assert refused is not None
        assert refused.trouble is trouble
        assert f"pid {serving.pid} (" in refused.words
    finally:
        serving.communicate(timeout=10)


@pytest.mark.parametrize(
    ("host", "trouble"),
    [("192.0.2.7", Trouble.NOT_HERE), ("no-such-host.invalid", Trouble.NO_NAME),
     ("x" * 64 + ".example", Trouble.NO_NAME), ("a\\0b", Trouble.NO_NAME)],
)  # fmt: skip
def test_an_address_that_is_not_of_here(tmp_path: Path, host: str, trouble: Trouble) -> None:
    text = f'model: org/name\nserver: {{host: "{host}", port: {free_port()}}}\n'
    refused = seen(text, tmp_path).api
    assert refused is not None
    assert refused.trouble is trouble


def test_numbers_are_looked_up_nowhere() -> None:
    assert resolve("127.0.0.1", 80)[1][0] == "127.0.0.1"
    assert resolve("::1", 80)[1][0] == "::1"
    with pytest.raises(NoAddress):
        resolve("256.1.1.1.invalid", 80)
    assert is_ours("127.0.0.1") is True
    assert is_ours("192.0.2.7") is False
    assert is_ours("localhost") is None


def test_folders(tmp_path: Path) -> None:
    assert look_at_folder(tmp_path).trouble == ""
    assert (look_at_folder(tmp_path).free_bytes or 0) > 0
    deep = look_at_folder(tmp_path / "a" / "b")
    assert (deep.trouble, deep.exists) == ("", False)
    assert look_at_folder(tmp_path / "a", must_exist=True).trouble == "is not there"
    (tmp_path / "file").write_text("")
    assert look_at_folder(tmp_path / "file").trouble == "is not a folder"
    assert look_at_folder(tmp_path / "file" / "x").trouble == "cannot be used: Not a directory"
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert look_at_folder(tmp_path / "loop").trouble.startswith("cannot be used: ")
    assert look_at_folder(Path("/proc/self/fd\0")).trouble == "cannot be used: no path"


_AS_NOBODY = """
import json, os, sys
from pathlib import Path
from mixvllm.services.check import Request, check
def look(port):
    text = f"model: org/name\\nserver: {{port: {port}}}\\nlogging: {{directory: {sys.argv[1]}}}\\n"
    environ = {"PATH": "", "HOME": sys.argv[1], "HF_HOME": sys.argv[1]}
    return check(Request(Path("p.yaml"), environ, release="0.32.0", text=text.encode(), look=True))
look(0x4000)  # whatever is imported is imported while its files can be read
if os.getuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
print(json.dumps([[d.code, d.message] for d in look(80).diagnostics]))
"""


def test_another_user_may_not(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, str(closed)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd="/",
        stdout=subprocess.PIPE, text=True, check=True, timeout=60,
    )  # fmt: skip
    told = dict(json.loads(done.stdout))
    assert told["MX808"].endswith("is closed to this user")
    assert told["MX810"].endswith("is closed to this user")
    low = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if low > 80:
        assert told["MX803"] == "port 80 is not allowed for this user"


def test_where_processes_meet(tmp_path: Path) -> None:
    """As Python chooses its folder: one that cannot be used is passed over."""
    assert sockets_base({}) == Path("/tmp")
    assert sockets_base({"TMPDIR": str(tmp_path)}) == tmp_path
    assert sockets_base({"TMPDIR": str(tmp_path / "none"), "TMP": str(tmp_path)}) == tmp_path
    assert sockets_base({"VLLM_RPC_BASE_PATH": "/x", "TMPDIR": str(tmp_path)}) == Path("/x")


def test_a_key_is_open_when_every_folder_on_the_way_is(tmp_path: Path) -> None:
    box = tmp_path / "box"
    box.mkdir()
    key = box / "key"
    key.write_text("k")
    text = f"{at(free_port())[:-2]}, api_key_file: {key}}}\n"
    key.chmod(0o644)
    for folder in (box, *box.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    assert seen(text, tmp_path).open_to_all == {key}
    box.chmod(0o700)
    assert seen(text, tmp_path).open_to_all == frozenset()
    box.chmod(0o755)
    key.chmod(0o640)
    assert seen(text, tmp_path).open_to_all == frozenset()


def hub(folder: Path, total: object, *weights: int) -> None:
    """A model in the cache of the Hub: its index, and weights of these sizes."""
    model = folder / ".cache" / "huggingface" / "hub" / "models--org--name"
    snapshot = model / "snapshots" / "0123"
    snapshot.mkdir(parents=True, exist_ok=True)
    (model / "refs").mkdir(exist_ok=True)
    (model / "refs" / "main").write_text("0123")
    index = {"metadata": {"total_size": total}, "weight_map": {}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index))
    for i, size in enumerate(weights):
        (snapshot / f"model-{i}.safetensors").write_bytes(bytes(size))


def test_how_much_of_a_model_is_still_to_be_fetched(tmp_path: Path) -> None:
    text = at(free_port())
    assert seen(text, tmp_path).model_missing_bytes is None
    hub(tmp_path, 5000, 1000)
    assert seen(text, tmp_path).model_missing_bytes == 4000
    hub(tmp_path, 5000, 1000, 4100)  # headers count too
    assert seen(text, tmp_path).model_missing_bytes == 0
    for odd in ("5000", None, [1]):
        hub(tmp_path, odd)
        assert seen(text, tmp_path).model_missing_bytes is None


def test_behind_a_wrapper_only_our_own_part_is_seen(tmp_path: Path) -> None:
    """A container has limits, files and variables of its own."""
    wrapper = tmp_path / "run.sh"
    wrapper.write_text('#!/bin/sh\nexec docker run image "$@"\n')
    wrapper.chmod(0o755)
    text = at(free_port()) + f"vllm: {{command: {wrapper}}}\n"
    known = facts(text, tmp_path, VLLM_PORT="tcp://10.0.0.1:1")
    assert known.wrapped
    assert known.seen is not None
    assert isinstance(known.seen.logs, Folder)
    assert known.seen.open_files is None
    assert known.seen.sockets is None
    assert known.variable("VLLM_PORT") is None


def test_a_limit_of_open_files_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(at(free_port()))
    done = subprocess.run(
        ["/bin/sh", "-c", f"ulimit -n 256; exec {sys.executable} -m mixvllm validate p.yaml"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0
    assert "warning[MX812]: this process may open 256 files at the most" in done.stdout


def test_a_look_leaves_nothing_behind(tmp_path: Path) -> None:
    text = at(free_port()) + "logging: {directory: logs}\n"
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(3):
        assert seen(text, tmp_path).api is None
    assert [path.name for path in tmp_path.iterdir()] == ["profile.yaml"]
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


_WITHOUT_A_HOME = """
import os
from pathlib import Path
from mixvllm.core.errors import MachineFault
from mixvllm.services.check import Request, check
from mixvllm.services.look.folders import log_base
request = Request(Path("p.yaml"), {"PATH": ""}, text=b"model: org/name\\n", look=True)
check(request)  # whatever is imported is imported while its files can be read
os.environ.pop("HOME", None)
os.setgroups([])
os.setresgid(54321, 54321, 54321)
os.setresuid(54321, 54321, 54321)
checked = check(request)
print([d.message for d in checked.diagnostics if d.code == "MX808"])
try:
    log_base(checked.resolved, {})
except MachineFault as fault:
    print(fault.hint)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user that nobody knows")
def test_a_user_without_a_home_is_told_so() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _WITHOUT_A_HOME],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd="/",
        stdout=subprocess.PIPE, text=True, check=True, timeout=60,
    )  # fmt: skip
    first, second = ran.stdout.splitlines()
    assert "~/.local/state/mixvllm cannot be found: this user has no home" in first
    assert second == "set logging.directory, or HOME"
