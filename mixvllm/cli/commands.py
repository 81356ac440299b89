"""The commands, as data: help, dispatch and "did you mean" read this table and nothing else.

Only the module of the command that was asked for is imported; a test resolves every entry.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its name and its line in the help. `render-cmd` lives in cli/render_cmd.py."""

    name: str
    summary: str
    # What can be read without Typer, for commands that have a `run_plainly` in cli/run/.
    plain_options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # (): any value
    plain_flags: frozenset[str] = frozenset()
    bare: bool = False  # it needs no operand

    @property
    def function(self) -> str:
        """The function's name, and its module's."""
        return self.name.replace("-", "_")

    @property
    def module(self) -> str:
        """Where the function is."""
        return f"mixvllm.cli.{self.function}"

    @property
    def plain_module(self) -> str:
        """Where it is run without Typer, if it can be."""
        return f"mixvllm.cli.run.{self.function}"


COMMANDS: tuple[Command, ...] = (
    Command("serve", "start a profile's vLLM, watch it, stop it cleanly"),
    Command(
        "validate",
        "check profiles: all faults at once, with places",
        plain_options={
            "--format": ("text", "json", "sarif", "github"),
            "--vllm": (),
            "--since": (),
            "--host": (),
            "--stdin-filename": (),
        },
        plain_flags=frozenset({"--strict", "--fix", "--diff"}),
    ),
    Command(
        "render-cmd",
        "print the exact command that serve would run",
        plain_options={"--target": ("shell", "json"), "--format": ("text", "json"), "--vllm": ()},
        plain_flags=frozenset({"--origins"}),
    ),
    Command(
        "explain",
        "tell what a finding means, or where a value comes from",
        plain_options={"--profile": (), "--vllm": (), "--format": ("text", "json")},
    ),
    Command(
        "fit",
        "forecast the memory: does the model fit, with how much context",
        plain_options={"--format": ("text", "json"), "--vllm": (), "--host": ()},
        plain_flags=frozenset({"--online"}),
    ),
    Command("upgrade", "say what changes with another vLLM, edit the profile"),
    Command("schema", "print the JSON Schema of profiles, for editors"),
    Command("init", "write a first profile, fitted to this machine"),
    Command(
        "gpus",
        "list this machine's GPUs and their state",
        plain_options={"--format": ("text", "json"), "--save": (), "--host": (), "--interval": ()},
        plain_flags=frozenset({"--watch", "--processes", "--topology"}),
        bare=True,
    ),
    Command("completion", "print what makes bash, zsh or fish complete words"),
)


def find(name: str) -> Command | None:
    """The command with this name."""
    return next((command for command in COMMANDS if command.name == name), None)


def help_text() -> str:
    """What `mixvllm --help` prints."""
    width = max(len(command.name) for command in COMMANDS) + 2
    rows = "\n".join(f"  {c.name:<{width}}{c.summary}" for c in COMMANDS)
    return (
        "Usage: mixvllm COMMAND [OPTIONS] ...\n\n"
        "One YAML profile in; a checked, supervised and watched vLLM service out.\n\n"
        f"Commands:\n{rows}\n\n"
        "Options:\n"
        f"  {'--version':<{width}}print the version\n"
        f"  {'--help':<{width}}print this; `mixvllm COMMAND --help` tells a command's options\n\n"
        "Exit codes: 0 done, 1 findings, 2 wrong usage, 3 not possible on this machine,\n"
        "70 a bug of ours, 130 interrupted; serve: 4 can never start, 5 given up,\n"
        "6 stopped, but not cleanly.\n"
    )
