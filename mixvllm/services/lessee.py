"""The run that uses a card, as it describes itself in the file of its lease."""

import json
import os
import pwd
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

_LARGEST: Final = 4096  # bytes of a file that are looked at


@dataclass(frozen=True, slots=True)
class Lessee:
    """The run that uses a card, as it describes itself."""

    name: str = ""  # of the instance; "" where it did not say
    pid: int | None = None
    user: str = ""
    profile: str = ""
    since: datetime | None = None

    @classmethod
    def of_this_process(cls, name: str, profile: Path, since: datetime) -> "Lessee":
        """This run."""
        try:
            user = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:  # a number without a name, in a container
            user = str(os.getuid())
        return cls(name, os.getpid(), user, str(profile.absolute()), since)

    def __str__(self) -> str:
        if not self.name:
            return "another `mixvllm serve`"
        since = "" if self.since is None else f", since {self.since:%Y-%m-%d %H:%M}"
        return f"{self.name} (pid {self.pid} of {self.user}{since})"


def tell(fd: int, lessee: Lessee) -> None:
    """Say who we are. A disk that is full leaves the lease without words."""
    since = lessee.since.isoformat() if lessee.since is not None else None
    text = json.dumps(asdict(lessee) | {"since": since}).encode()
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, text, 0)
    except OSError:
        return


def read_lessee(fd: int) -> Lessee:
    """What a file says of its holder: a stranger's word, which may be anything."""
    try:
        told = json.loads(os.pread(fd, _LARGEST, 0))
        pid, since = told["pid"], datetime.fromisoformat(told["since"])
        if type(pid) is not int or since.tzinfo is None:
            return Lessee()
        name, user, profile = (_shown(str(told[key])) for key in ("name", "user", "profile"))
    except (OSError, ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return Lessee()
    return Lessee(name, pid, user, profile, since)


def _shown(text: str) -> str:
    """A short text without what could steer a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:200])
