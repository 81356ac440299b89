"""`mixvllm validate`."""

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mixvllm.cli.main import BEGAN
from mixvllm.cli.options import Format, with_profile_options
from mixvllm.cli.show import count_in_words, show_findings
from mixvllm.cli.streams import visible
from mixvllm.services.check import Checked, Request
from mixvllm.services.validate import Report, Unreadable
from mixvllm.services.validate import validate as check_all
from mixvllm.settings.sources import Override


@with_profile_options
def validate(
    profiles: Annotated[
        list[Path],
        typer.Argument(metavar="PROFILE...", help="profiles; - is standard input", readable=False),
    ],
    format_: Annotated[Format, typer.Option("--format", help="text or json")] = Format.TEXT,
    vllm: Annotated[
        str | None, typer.Option("--vllm", metavar="VERSION", help="release to check against")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="warnings count as errors")] = False,
    stdin_filename: Annotated[
        Path | None, typer.Option("--stdin-filename", help="name shown for standard input")
    ] = None,
    *,
    overrides: Sequence[Override],
) -> None:
    """Check profiles: all faults at once, each at its line and column, without starting vLLM."""
    requests = [
        Request(
            path=(stdin_filename or Path("<stdin>")) if str(path) == "-" else path,
            environ=os.environ,
            overrides=overrides,
            release=vllm,
            text=sys.stdin.buffer.read() if str(path) == "-" else None,
        )
        for path in profiles
    ]
    report = check_all(requests, strict=strict)
    if format_ is Format.JSON:
        print(json.dumps(report.as_json(), indent=2))
    else:
        _show(report, time.perf_counter() - BEGAN)
    raise typer.Exit(report.exit_code)


def _show(report: Report, seconds: float) -> None:
    for item in report.profiles:
        if isinstance(item, Unreadable):
            print(f"error: {visible(str(item.fault))}", file=sys.stderr)
            if item.fault.hint:
                print(f"  {visible(item.fault.hint)}", file=sys.stderr)
        else:
            _show_one(item, seconds)


def _show_one(item: Checked, seconds: float) -> None:
    path = visible(str(item.resolved.path))
    if not item.diagnostics:
        print(f"{path} is valid for vLLM {item.release} on this machine")
        return
    show_findings(item.diagnostics, item.resolved.texts_shown)
    notes = len(item.diagnostics) - item.errors - item.warnings
    count = count_in_words(item.errors, item.warnings, notes)
    verdict = "" if item.errors else "valid, with "
    print(f"\n{verdict}{count} in {path}   vLLM {item.release}, this machine   {seconds:.1f} s")
