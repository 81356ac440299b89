"""A profile's command, with a vLLM that is just ``vllm``."""

from pathlib import Path

from mixvllm.render.command import VllmCommand
from mixvllm.services.check import Request, check
from mixvllm.services.render import command_of


def command(
    text: str, *, path: Path = Path("/srv/p.yaml"), environ: dict[str, str] | None = None,
    release: str = "0.32.0",
) -> VllmCommand:  # fmt: skip
    """The command of a profile without errors."""
    request = Request(path, environ or {"PATH": ""}, release=release, text=text.encode())
    return command_of(check(request))
