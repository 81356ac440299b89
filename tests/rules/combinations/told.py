"""Which rules across options speak of a profile."""

from tests.rules.checking import args, checked


def told(*lines: str, release: str = "0.32.0", env: str = "") -> list[str]:
    """The names of the rules, by place, for lines of ``vllm.args`` and one of ``vllm.env``."""
    text = args(*lines) + (f"  env:\n    {env}\n" if env else "")
    return [found.split()[0] for found in of(text, release=release)]


def said(*lines: str, named: str = "", release: str = "0.32.0") -> list[str]:
    """``log-outputs error`` for each finding in lines of ``vllm.args``, and other sections."""
    return of(args(*lines) + named, release=release)


def of(text: str, *, release: str = "0.32.0") -> list[str]:
    """The same for the text of a profile."""
    return [
        f"{d.rule} {d.severity.value}"
        for d in checked(text, release=release).diagnostics
        if "MX240" <= d.code <= "MX243"
    ]
