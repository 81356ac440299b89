"""What the rules across options say of a profile, and with what weight."""

from tests.rules.checking import args, checked


def said(*lines: str, release: str = "0.32.0", named: str = "") -> list[str]:
    """``lora-idle warning`` for each of their findings, by place.

    ``lines`` stand under `vllm.args`, ``named`` are whole sections.
    """
    return of(args(*lines) + named, release=release)


def told(*lines: str, release: str = "0.32.0", env: str = "") -> list[str]:
    """The rules' names alone; ``env`` is a line under `vllm.env`."""
    named = f"  env:\n    {env}\n" if env else ""
    return [found.split()[0] for found in said(*lines, release=release, named=named)]


def of(text: str, *, release: str = "0.32.0") -> list[str]:
    """The same for a whole profile."""
    found = checked(text, release=release).diagnostics
    return [f"{d.rule} {d.severity.value}" for d in found if "MX240" <= d.code <= "MX243"]
