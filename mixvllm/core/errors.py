"""The errors that stop a command, each with a hint and an exit code.

::

    MixvllmError                      70  a bug of ours, unless a subclass says otherwise
    ├── UsageFault                     2  the command was used wrongly
    ├── ProfileFault                   1  the profile has findings of severity error
    └── MachineFault                   3  it cannot be done on this machine, now
        ├── PortTaken                     somebody else listens there
        └── VllmMissing                   no vLLM, or none that can be started

A run that began and ended badly is no error but a result: `serve` returns 4, 5 or 6
(see :mod:`mixvllm.engine.machine`).
"""

from typing import ClassVar

from mixvllm.core.diagnostic import Diagnostic


class MixvllmError(Exception):
    """Stops the command. ``hint`` is the next thing the operator should try."""

    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageFault(MixvllmError):
    """The command line itself is wrong."""

    exit_code = 2


class ProfileFault(MixvllmError):
    """A profile cannot be used; the findings say why."""

    exit_code = 1

    def __init__(self, message: str, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(message, hint="mend the findings above, then try again")
        self.diagnostics = diagnostics


class MachineFault(MixvllmError):
    """The request is fine, but this machine cannot do it now."""

    exit_code = 3


class PortTaken(MachineFault):
    """A port that we need is in use. ``holder`` names who has it, as far as it can be seen."""

    def __init__(self, host: str, port: int, holder: str, *, key: str) -> None:
        super().__init__(
            f"port {port} on {host} is taken by {holder}",
            hint=f"stop {holder}, or choose another port: --set {key}={port + 1}",
        )


class VllmMissing(MachineFault):
    """No vLLM was found, or the one that was named cannot be started."""
