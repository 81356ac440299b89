"""`mixvllm upgrade`."""

import json
import os
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import IO, Annotated, Final

import typer

from mixvllm.cli.options import Format
from mixvllm.cli.progress import Progress
from mixvllm.cli.streams import print_diff, visible
from mixvllm.cli.text.style import Paint, Tone, wants_color
from mixvllm.core.errors import UsageFault
from mixvllm.core.origin import FileSpan, Origin
from mixvllm.services.files.rewrite import rewrite
from mixvllm.services.upgrade.change import Change, ChangeKind
from mixvllm.services.upgrade.profile import Upgrade
from mixvllm.services.upgrade.profile import upgrade as what_changes

_HEADINGS: Final = {
    ChangeKind.REMOVED: "options that are gone",
    ChangeKind.CHOICE: "values that are not taken any more",
    ChangeKind.KEY: "keys of JSON options that are gone",
    ChangeKind.VARIABLE: "variables",
    ChangeKind.DEPRECATED: "options that will go",
    ChangeKind.OTHER: "what is new to mind",
    ChangeKind.AVAILABLE: "what works from now on",
    ChangeKind.DEFAULT: "new defaults, of options that the profile leaves to vLLM",
}


def upgrade(
    profile: Annotated[Path, typer.Argument(metavar="PROFILE", help="the profile", readable=False)],
    to: Annotated[str, typer.Option("--to", metavar="VERSION", help="release of vLLM to go to")],
    since: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="VERSION", help="release that it is for; default: vllm.version"
        ),
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="text or json")] = Format.TEXT,
    write: Annotated[bool, typer.Option("--write", help="make the edits in the file")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="print the edits alone")] = False,
) -> None:
    """Say what changes for a profile between two releases of vLLM, and edit it."""
    if write and diff:
        raise UsageFault("--write and --diff do not go together", hint="--diff only shows")
    made = what_changes(profile, os.environ, to=to, since=since, progress=Progress())
    if write and made.edited != made.raw:
        rewrite(profile, made.raw, made.edited)
    if format_ is Format.JSON:
        print(json.dumps(made.as_json(), indent=2))
    else:
        _tell(made, sys.stderr if diff else sys.stdout)
        if not write:
            print_diff(made.diff)
        _next_step(made, sys.stderr if diff else sys.stdout, written=write)
    raise typer.Exit(int(made.errors > 0))


def _tell(made: Upgrade, out: IO[str]) -> None:
    paint = Paint(on=wants_color(out))
    path = visible(str(made.path))
    if not made.changes:
        print(f"nothing changes for {path} from vLLM {made.since} to {made.until}\n", file=out)
        return
    print(paint(f"{path}, from vLLM {made.since} to {made.until}", Tone.STRONG), file=out)
    for kind, changes in groupby(made.changes, key=lambda change: change.kind):
        print(f"\n{paint(_HEADINGS[kind], Tone.STRONG)}", file=out)
        for change in changes:
            print("\n".join(_lines(change, made.path, paint)), file=out)
    print(file=out)


def _lines(change: Change, path: Path, paint: Paint) -> Iterator[str]:
    if change.default is not None:
        yield f"  {change.message}, since {change.default.release}"
        if change.default.kept is not None:
            yield f"      to keep it as it was: {paint(change.default.kept, Tone.NAME)}"
        return
    place = "" if change.origin is None else f"{_place(change.origin, path)}: "
    yield f"  {paint(place, Tone.NAME)}{visible(change.message)}"
    if change.edit:
        yield f"      {paint(visible(change.edit), Tone.RIGHT)}"
    elif change.advice:
        yield f"      {paint('by hand:', Tone.DOUBTFUL)} {visible(change.advice)}"


def _place(origin: Origin, profile: Path) -> str:
    """``8:5`` in the profile itself; with the file's name in one that it extends."""
    if isinstance(origin, FileSpan) and origin.path == profile:
        return f"{origin.line}:{origin.column}"
    return visible(str(origin))


def _next_step(made: Upgrade, out: IO[str], *, written: bool) -> None:
    path, edited = visible(str(made.path)), made.edited != made.raw
    if written:
        print(f"{path} was written" if edited else f"{path} needs no edit", file=out)
    elif edited:
        print("\n`--write` makes these edits", file=out)
    if made.errors:
        left = "1 error is" if made.errors == 1 else f"{made.errors} errors are"
        print(f"{left} left for vLLM {made.until}:", file=out)
        print(f"  `mixvllm validate {path} --vllm {made.until}` shows them", file=out)
    else:
        subject = f"the edited {path}" if edited and not written else path
        print(f"{subject} is valid for vLLM {made.until}", file=out)
