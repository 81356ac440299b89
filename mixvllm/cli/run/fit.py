"""What `mixvllm fit` does, once its words are read."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mixvllm.cli.plain import PlainWords
from mixvllm.cli.progress import Progress
from mixvllm.cli.text.findings import show_findings
from mixvllm.services.check import Request, check
from mixvllm.services.fit import fit, own_errors
from mixvllm.settings.sources import Override


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was asked for; a profile called ``-`` is standard input."""

    profile: Path
    as_json: bool = False
    vllm: str | None = None
    host: Path | None = None
    online: bool = False
    overrides: Sequence[Override] = ()


def run_plainly(words: PlainWords) -> int | None:
    """The same for plain words; None when they are not what the command takes."""
    if len(words.operands) != 1:
        return None
    asked = words.options
    host = asked.get("--host")
    return run(
        Arguments(
            Path(words.operands[0]),
            as_json=asked.get("--format") == "json",
            vllm=asked.get("--vllm"),
            host=None if host is None else Path(host),
            online="--online" in asked,
        )
    )


def run(arguments: Arguments) -> int:
    """Print the forecast, the profile's own faults before it; the exit code."""
    is_piped = str(arguments.profile) == "-"
    checked = check(
        Request(
            Path("<stdin>") if is_piped else arguments.profile,
            os.environ,
            arguments.overrides,
            arguments.vllm,
            host=arguments.host,
            text=sys.stdin.buffer.read() if is_piped else None,
            progress=Progress(),
            forecasts=True,
        )
    )
    show_findings(own_errors(checked), checked.resolved.texts_shown, stream=sys.stderr)
    fitted = fit(checked, os.environ, online=arguments.online)
    if arguments.as_json:
        print(json.dumps(fitted.as_json(), indent=2))
    else:
        from mixvllm.cli.text.fit import fit_lines
        from mixvllm.cli.text.style import Paint, wants_color

        for line in fit_lines(fitted, Paint(on=wants_color(sys.stdout))):
            print(line)
    return fitted.exit_code
