"""Use case: start a profile's vLLM, watch it, and stop it cleanly."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from mixvllm.core.board import Board, Run
from mixvllm.core.errors import MachineFault, ProfileFault
from mixvllm.core.events import Event, LineLogged
from mixvllm.core.origin import Default
from mixvllm.engine.machine import Policy, Stopped
from mixvllm.engine.probe import Target
from mixvllm.engine.spec import EngineSpec
from mixvllm.engine.supervisor import Supervisor
from mixvllm.panes.choice import open_sink
from mixvllm.panes.json_lines import JsonLines
from mixvllm.panes.sink import Key, Sink
from mixvllm.render.command import API_KEY, VllmCommand
from mixvllm.services.check import Checked
from mixvllm.services.preflight import check_port, make_run_folder
from mixvllm.services.render import command_of
from mixvllm.settings.engine import absolute
from mixvllm.settings.schema import Profile

_FRAME: Final = 0.25  # seconds between two looks whether something must be drawn


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a run needs, decided before anything is started."""

    run: Run
    spec: EngineSpec
    secrets: Mapping[str, str]
    target: Target
    policy: Policy
    folder: Path


def plan(checked: Checked, environ: Mapping[str, str]) -> Plan:
    """Prepare a run. Makes its folder; starts nothing.

    Raises:
        ProfileFault: the profile has findings of severity error.
        MachineFault: no vLLM, a port taken, no room for the logs, or more than one engine asked.
    """
    profile = checked.resolved.profile
    if checked.errors or profile is None:
        raise ProfileFault(f"{checked.resolved.path} has errors", checked.diagnostics)
    _refuse_what_is_not_served(profile)
    if checked.missing is not None:
        raise checked.missing
    command = command_of(checked)
    server = profile.server
    check_port(server.host, server.port, key="server.port")
    name = checked.resolved.path.stem
    started = datetime.now().astimezone()
    folder = make_run_folder(
        log_base(checked, profile, environ), name, f"{started:%Y-%m-%dT%H-%M-%S}"
    )
    tls = server.ssl_certfile is not None
    target = Target.at(
        server.host, server.port, served_name=_served_name(checked), tls=tls,
        api_key=command.secrets.get(API_KEY),
    )  # fmt: skip
    run = Run(
        name=name, model=str(profile.model.name), profile=str(checked.resolved.path),
        url=target.url, release=checked.release, log_file=str(folder / "vllm.log"),
        began=started,
    )  # fmt: skip
    return Plan(
        run, _spec(name, command, profile, environ, folder), command.secrets, target,
        _policy(profile), folder,
    )  # fmt: skip


def _refuse_what_is_not_served(profile: Profile) -> None:
    if profile.replicas > 1 or profile.nodes:
        what = "`replicas`" if profile.replicas > 1 else "`nodes`"
        raise MachineFault(
            f"{what}: this version of mixvllm serves one engine on one machine",
            hint="take it out; for copies of the model in one engine see"
            " inference.data_parallel_size",
        )


def _served_name(checked: Checked) -> str | None:
    name = checked.resolved.value("model", "served_name")
    if isinstance(name, list):
        return str(name[0]) if name else None
    if isinstance(name, str):
        return name
    setting = checked.facts.setting("served-model-name")
    if setting is None:
        return None
    return str(setting.value[0] if isinstance(setting.value, list) else setting.value)


def _spec(
    name: str, command: VllmCommand, profile: Profile, environ: Mapping[str, str], folder: Path
) -> EngineSpec:
    return EngineSpec(
        name=name,
        argv=command.argv,
        env={**environ, **command.env},
        cwd=os.getcwd(),  # noqa: PTH109 - as the shell has it
        log_path=str(folder / "vllm.log"),
        max_bytes=profile.logging.max_bytes,
        keep=profile.logging.keep,
    )


def _policy(profile: Profile) -> Policy:
    supervisor = profile.supervisor
    return Policy(
        restart=supervisor.restart.policy == "on-failure",
        max_restarts=supervisor.restart.max_restarts,
        window=supervisor.restart.window,
        backoff=supervisor.restart.backoff,
        startup_timeout=supervisor.startup_timeout,
        stop_grace=supervisor.stop_grace,
    )


def log_base(checked: Checked, profile: Profile, environ: Mapping[str, str]) -> Path:
    """The folder of all runs: the profile's, or $XDG_STATE_HOME/mixvllm (XDG base directories)."""
    if profile.logging.directory is not None:
        return absolute(
            profile.logging.directory, checked.resolved.origin(("logging", "directory"))
        )
    state = environ.get("XDG_STATE_HOME", "")
    home = Path(state) if state.startswith("/") else Path("~/.local/state").expanduser()
    return home / "mixvllm"


def quiet_parts(checked: Checked) -> tuple[str, ...]:
    """Sections that were asked for and that this version does not serve, in words."""
    resolved = checked.resolved
    parts = []
    if resolved.value("terminal", "enabled") is True:
        parts.append("terminal.enabled: the browser terminal is not in this version; it is not started")
    if not isinstance(resolved.origin(("ops", "enabled")), Default) and resolved.value("ops", "enabled"):
        parts.append("ops.enabled: the toolkit's own endpoint is not in this version")
    return tuple(parts)


async def serve(
    prepared: Plan,
    *,
    json_lines: bool,
    color: bool,
    environ: Mapping[str, str],
    notes: tuple[str, ...] = (),
) -> Stopped:
    """Run the plan to its end. Only the end is a result; everything else goes to the sinks."""
    loop = asyncio.get_running_loop()
    supervisor: Supervisor

    def on_key(key: Key) -> None:
        if key is Key.STOP:
            supervisor.ask_stop("the q key")

    with ExitStack() as undo:
        sink = open_sink(
            json_lines=json_lines, color=color, environ=environ, loop=loop, on_key=on_key
        )
        journal = _Journal(prepared.folder / "events.jsonl")
        sinks: tuple[Sink, ...] = (sink, journal)

        def tell(event: Event, board: Board) -> None:
            for each in sinks:
                each.tell(event, board)

        supervisor = Supervisor(
            prepared.run, prepared.spec, prepared.target, prepared.policy, tell=tell,
            secrets=prepared.secrets,
        )  # fmt: skip
        for each in sinks:
            undo.callback(_close, each, supervisor)
        undo.callback(_listen_to_signals(loop, supervisor))
        for text in notes:
            supervisor.note(text)
        drawing = asyncio.ensure_future(_draw(sinks, supervisor))
        try:
            return await supervisor.run()
        finally:
            drawing.cancel()
            await asyncio.gather(drawing, return_exceptions=True)


def _close(sink: Sink, supervisor: Supervisor) -> None:
    sink.close(supervisor.board)


async def _draw(sinks: tuple[Sink, ...], supervisor: Supervisor) -> None:
    while True:
        for sink in sinks:
            sink.draw(supervisor.board, supervisor.now())
        await asyncio.sleep(_FRAME)


def _listen_to_signals(
    loop: asyncio.AbstractEventLoop, supervisor: Supervisor
) -> Callable[[], None]:
    """Ask for a stop on SIGINT, SIGTERM and SIGHUP; under nohup SIGHUP stays ignored."""
    wanted = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        wanted.append(signal.SIGHUP)
    for sig in wanted:
        by = "Ctrl-C" if sig is signal.SIGINT else sig.name
        loop.add_signal_handler(sig, supervisor.ask_stop, by)

    def undo() -> None:
        for sig in wanted:
            loop.remove_signal_handler(sig)

    return undo


class _Journal:
    """The run's events.jsonl: every event but vLLM's own lines, which vllm.log has."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._lines = JsonLines(self._fd)

    def tell(self, event: Event, board: Board) -> None:
        if not isinstance(event, LineLogged):
            self._lines.tell(event, board)

    def draw(self, board: Board, now: float) -> None:
        """Nothing to draw."""

    def close(self, board: Board) -> None:
        self._lines.close(board)
        os.close(self._fd)
