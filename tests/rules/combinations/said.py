"""What the rules across options say of a profile, and with what weight."""

from tests.rules.checking import args, checked


def said(*lines: str, release: str = "0.32.0", named: str = "") -> list[str]:
    """``lora-idle warning`` for each of their findings, by place.

    ``lines`` stand under `vllm.args`, ``named`` are whole sections.
    """
    return of(args(*lines) + named, release=release)


def of(text: str, *, release: str = "0.32.0") -> list[str]:
    """The same for a whole profile."""
    found = checked(text, release=release).diagnostics
    return [f"{d.rule} {d.severity.value}" for d in found if "MX240" <= d.code <= "MX243"]
