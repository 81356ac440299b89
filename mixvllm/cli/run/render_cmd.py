"""What `mixvllm render-cmd` does, once its words are read."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mixvllm.cli.plain import PlainWords
from mixvllm.cli.progress import Progress
from mixvllm.cli.text.findings import show_findings, terminal_columns
from mixvllm.core.diagnostic import Severity
from mixvllm.core.errors import ProfileFault
from mixvllm.services.check import Request, check
from mixvllm.services.render import command_of
from mixvllm.settings.sources import Override


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was asked for; a profile called ``-`` is standard input."""

    profile: Path
    as_json: bool = False
    origins: bool = False
    vllm: str | None = None
    overrides: Sequence[Override] = ()


def run_plainly(words: PlainWords) -> int | None:
    """The same for plain words; None when they are not what the command takes."""
    if len(words.operands) != 1:
        return None
    asked = words.options
    return run(
        Arguments(
            Path(words.operands[0]),
            as_json="json" in (asked.get("--target"), asked.get("--format")),
            origins="--origins" in asked,
            vllm=asked.get("--vllm"),
        )
    )


def run(arguments: Arguments) -> int:
    """Print the command; the exit code. Raises ProfileFault when the profile has errors."""
    is_piped = str(arguments.profile) == "-"
    profile = Path("<stdin>") if is_piped else arguments.profile
    checked = check(
        Request(
            profile, os.environ, arguments.overrides, arguments.vllm, progress=Progress(),
            text=sys.stdin.buffer.read() if is_piped else None,
        )
    )  # fmt: skip
    loud = [d for d in checked.diagnostics if d.severity is not Severity.INFO]
    show_findings(loud, checked.resolved.texts_shown, stream=sys.stderr)
    if checked.errors:
        raise ProfileFault(f"{profile} has errors; nothing was rendered", checked.diagnostics)
    command = command_of(checked)
    if arguments.as_json:
        from mixvllm.render.document import document

        print(json.dumps(document(command), indent=2))
    else:
        from mixvllm.render.shell import shell

        columns = terminal_columns(sys.stdout)
        print(shell(command, origins=arguments.origins, columns=columns), end="")
    return 0
