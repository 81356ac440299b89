"""Which vLLM a profile is checked for: how it is started, and the release whose options count."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from mixvllm.core.errors import MachineFault, VllmMissing
from mixvllm.core.origin import FileSpan
from mixvllm.settings.engine import absolute
from mixvllm.settings.resolve import Resolved
from mixvllm.settings.written import written
from mixvllm.vllm.installation import Installation, command_words, find_installation
from mixvllm.vllm.learned import is_the_later
from mixvllm.vllm.options import Options, UnknownRelease, newest, options_of
from mixvllm.vllm.table import load_table, numbers

if TYPE_CHECKING:
    from mixvllm.services.learning import Progress

# The earliest release of which starts are recorded that the forecast is graded by.
_EARLIEST: Final = (0, 6, 0)


def own_command(resolved: Resolved) -> tuple[str, ...] | None:
    """The words of ``vllm.command``; a program named by a path is looked for where the profile
    is, or where the option was typed. What cannot be split has its finding (MX118).
    """
    try:
        words = command_words(resolved.value("vllm", "command"))
    except ValueError:
        return None
    if words is None or not ("/" in words[0] or words[0].startswith("~")):
        return words
    return str(absolute(words[0], resolved.origin(("vllm", "command")))), *words[1:]


def installation_of(
    command: tuple[str, ...] | None, environ: Mapping[str, str]
) -> tuple[Installation | None, VllmMissing | None]:
    """What would be started; or why nothing can be, which only a start needs to know."""
    try:
        return find_installation(command, environ=environ), None
    except VllmMissing as error:
        return None, error
    except ValueError:  # a NUL in the program's name (MX118)
        return None, VllmMissing("vllm.command names no program")


def options_for(
    release: str | None,
    resolved: Resolved,
    installation: Installation | None,
    environ: Mapping[str, str],
    progress: "Progress | None",
    *,
    may_run: bool,
) -> Options:
    """The options of the release that was asked for, else the profile's, the installed, the
    newest. A release in the profile that is not known has its finding (MX116).

    A profile may come from anybody: a program that it names is run (to say its options) only
    where ``may_run`` says so. One that was typed, or stands in the environment, is the operator's.
    """
    named = _release_in(resolved)
    installed = None if installation is None else installation.release
    asked = next((r for r in (release, named, installed) if r is not None), None)
    if installation is not None and is_the_later(asked, installed):
        from mixvllm.services.learning import learn

        named_in_file = isinstance(resolved.origin(("vllm", "command")), FileSpan)
        learn(installation, environ, progress, may_run=may_run or not named_in_file)
    if asked is None:
        return options_of(newest())
    if release is None and asked is named:
        try:
            return options_of(asked)
        except UnknownRelease:
            return options_of(newest())
    return options_of(known_release(asked, "--vllm"))


def early_release(release: str | None, resolved: Resolved) -> str | None:
    """The release that was asked for, else the profile's, where it is older than all whose options
    are known, and its memory can be told nevertheless; else None.
    """
    asked = release if release is not None else _release_in(resolved)
    early = None if asked is None else load_table().before_all(asked)
    return None if early is None or numbers(early) < _EARLIEST else early


def _release_in(resolved: Resolved) -> str | None:
    """``vllm.version`` as it is written; None where the profile names none."""
    place, release = resolved.place("vllm", "version"), resolved.value("vllm", "version")
    if place is None or release is None:
        return None
    text = release if isinstance(release, str) else written(resolved.texts, place.value)
    return text or str(release)


def known_release(release: str, flag: str) -> str:
    """A release that was asked for, as its table names it. Raises MachineFault without one."""
    try:
        return options_of(release).release
    except UnknownRelease as error:
        raise MachineFault(
            f"no option table for vLLM {release}" if release else f"{flag} names no release",
            hint=f"the nearest release known here is {error.nearest}",
        ) from None


def release_here(environ: Mapping[str, str]) -> str | None:
    """The release of the vLLM that would be started here, if its options are known."""
    try:
        release = find_installation(None, environ=environ).release
        return None if release is None else options_of(release).release
    except (VllmMissing, UnknownRelease):
        return None
