"""A profile's text put before all rules, as `validate` does it."""

from collections.abc import Mapping
from pathlib import Path

from mixvllm.services.check import Checked, Request, check


def checked(
    text: str | bytes,
    *,
    release: str = "0.32.0",
    environ: Mapping[str, str] | None = None,
    path: Path = Path("profile.yaml"),
) -> Checked:
    """Everything that is found in a profile."""
    raw = text if isinstance(text, bytes) else text.encode()
    return check(Request(path=path, environ=environ or {"PATH": ""}, release=release, text=raw))


def found(text: str, **settings: str | Mapping[str, str]) -> list[str]:
    """``MX203 4:21`` for each finding."""
    return [
        f"{d.code} {getattr(d.origin, 'line', '')}:{getattr(d.origin, 'column', '')}"
        for d in checked(text, **settings).diagnostics  # type: ignore[arg-type]
    ]


def args(*lines: str) -> str:
    """A profile with these lines under `vllm.args`; the first stands in line 4."""
    return "model: org/name\nvllm:\n  args:\n" + "".join(f"    {line}\n" for line in lines)
