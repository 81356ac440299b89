"""A profile's text put through the settings layer, as the commands do it."""

from collections.abc import Mapping
from pathlib import Path

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.settings.profile import profile_from
from mixvllm.settings.resolve import Resolved, resolve
from mixvllm.settings.sources import Override, cli_layer, environment_layer


def resolved(
    text: str,
    *,
    environ: Mapping[str, str] | None = None,
    cli: Mapping[str, str] | None = None,
    path: Path = Path("profile.yaml"),
) -> Resolved:
    """``environ`` are variables; ``cli`` maps dotted keys to texts of ``--set``."""
    variables = environ or {}
    overrides = [Override(f"--set {key}", key, value) for key, value in (cli or {}).items()]
    return resolve(
        profile_from(text.encode(), path, variables),
        environment_layer(variables),
        cli_layer(overrides),
    )


def shown(diagnostics: tuple[Diagnostic, ...]) -> list[str]:
    """``MX100 3:5`` for each finding: code and place."""
    return [
        f"{d.code} {getattr(d.origin, 'line', d.origin)}:{getattr(d.origin, 'column', '')}".rstrip(
            ":"
        )
        for d in diagnostics
    ]
