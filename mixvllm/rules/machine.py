"""What was seen of this machine before the rules run; None and empty mean: not known."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from pathlib import Path


class Trouble(Enum):
    """Why an address cannot be listened on."""

    TAKEN = auto()
    OURS = auto()  # taken by a `serve` of the same profile
    NOT_HERE = auto()  # no interface has it
    NO_NAME = auto()
    NOT_ALLOWED = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Refused:
    """An address that was tried; ``words`` name who has it, or what the system said."""

    trouble: Trouble
    words: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is written to, or the nearest one above it that exists."""

    path: Path
    trouble: str = ""  # why nothing can be written there, in words that follow a name
    free_bytes: int | None = None
    exists: bool = True  # the folder itself


@dataclass(frozen=True, slots=True)
class Tls:
    """The certificate of the API and its key, as `ssl` reads them."""

    certificate: str = ""  # what is wrong with each, in words that follow its name
    key: str = ""
    authorities: str = ""  # of ssl_ca_certs
    not_before: datetime | None = None
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine, as far as a profile leads to it."""

    seen_at: datetime
    api: Refused | None = None  # None: the address can be listened on
    tls: Tls | None = None  # None: no certificate, or its files cannot be read
    open_to_all: frozenset[Path] = frozenset()  # files of keys that every user can read
    logs: Folder | None = None
    models: Folder | None = None  # the cache of the Hub; None: the model is not fetched from it
    model_missing_bytes: int | None = None  # of the model, by its index; 0: it is all there
    sockets: Folder | None = None  # where vLLM's processes meet
    open_files: int | None = None  # the hard limit; None: there is none
    shared_memory_bytes: int | None = None  # free in /dev/shm
    memory_bytes: int | None = None  # of the machine, or of the control group we are in
    cpus: frozenset[int] = frozenset()  # that this process may run on
    foreign: frozenset[str] = frozenset()  # variables that give an address of another machine
