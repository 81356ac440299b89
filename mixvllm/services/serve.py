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
from mixvllm.core.events import Event, StateChanged
from mixvllm.engine.machine import Policy
from mixvllm.engine.probe import Target
from mixvllm.engine.spec import EngineSpec
from mixvllm.engine.states import Stopped
from mixvllm.engine.supervisor import Supervisor
from mixvllm.panes.choice import open_sink
from mixvllm.panes.sink import Key, Sink
from mixvllm.render.command import API_KEY, VllmCommand
from mixvllm.services.card_search import Placement
from mixvllm.services.check import Checked
from mixvllm.services.endpoint import Address, take_endpoint
from mixvllm.services.journal import Journal
from mixvllm.services.lease import Leases
from mixvllm.services.lessee import Lessee
from mixvllm.services.look.folders import log_base
from mixvllm.services.placement import place
from mixvllm.services.preflight import make_run_folder, take_port
from mixvllm.services.render import command_of
from mixvllm.services.reservation import Reservation
from mixvllm.settings.schema import Profile

# What was seen of this machine and `plan` finds out for good, and refuses.
TRIED_AGAIN: Final = frozenset({"MX430", "MX433", "MX802", "MX803", "MX808"})
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
    reservation: Reservation  # of the engine's address
    ops: Address | None  # of our own endpoint
    placement: Placement
    notes: tuple[str, ...]  # to be told at the beginning


def plan(checked: Checked, environ: Mapping[str, str], tell: Callable[[str], None]) -> Plan:
    """Prepare a run. Makes its folder, takes its address and its cards; starts nothing. ``tell``
    hears in words of what is waited for.

    Raises:
        ProfileFault: the profile has findings of severity error.
        MachineFault: no vLLM, a port taken, no cards, no room for the logs, or more than one
            engine asked.
    """
    profile = checked.resolved.profile
    if checked.errors or profile is None:
        raise ProfileFault(f"{checked.resolved.path} has errors", checked.diagnostics)
    _refuse_what_is_not_served(profile)
    if checked.missing is not None:
        raise checked.missing
    command = command_of(checked)
    server = profile.server
    reservation = take_port(server.host, server.port, key="server.port")
    ops, without = take_endpoint(checked.resolved)
    name = checked.resolved.path.stem
    started = datetime.now().astimezone()
    placement = place(
        checked, Lessee.of_this_process(name, checked.resolved.path, started),
        leases=Leases.of_this_machine(), tell=tell,
    )  # fmt: skip
    folder = make_run_folder(
        log_base(checked.resolved, environ), name, f"{started:%Y-%m-%dT%H-%M-%S}"
    )
    tls = server.ssl_certfile is not None
    target = Target.at(
        server.host, server.port, served_name=_served_name(checked, command),
        address=reservation.address, tls=tls, api_key=command.secrets.get(API_KEY),
    )  # fmt: skip
    run = Run(
        name=name, model=str(profile.model.name), profile=str(checked.resolved.path),
        url=target.url, release=checked.release, log_file=str(folder / "vllm.log"),
        began=started, ops_port=None if ops is None else ops.port,
    )  # fmt: skip
    return Plan(
        run, _spec(name, command, placement, profile, environ, folder), command.secrets, target,
        _policy(profile), folder, reservation, ops, placement,
        (*((without,) if without else ()), *placement.notes),
    )  # fmt: skip


def _refuse_what_is_not_served(profile: Profile) -> None:
    if profile.replicas > 1 or profile.nodes:
        what = "`replicas`" if profile.replicas > 1 else "`nodes`"
        raise MachineFault(
            f"{what}: this version of mixvllm serves one engine on one machine",
            hint="take it out; for copies of the model in one engine see"
            " inference.data_parallel_size",
        )


def _served_name(checked: Checked, command: VllmCommand) -> str:
    """What the API must call the model; vLLM's default is the name it was started with."""
    name = checked.resolved.value("model", "served_name")
    setting = checked.facts.setting("served-model-name")
    if name is None and setting is not None:
        name = setting.value
    if isinstance(name, list):
        name = name[0] if name else None
    if name is not None:
        return str(name)
    return next(piece.words[1] for piece in command.pieces if piece.source.key == ("model", "name"))


def _spec(
    name: str,
    command: VllmCommand,
    placement: Placement,
    profile: Profile,
    environ: Mapping[str, str],
    folder: Path,
) -> EngineSpec:
    return EngineSpec(
        name=name,
        argv=command.argv,
        env={**environ, **command.env, **placement.variables},
        cwd=os.getcwd(),  # noqa: PTH109 - as the shell has it
        log_path=str(folder / "vllm.log"),
        max_bytes=profile.logging.max_bytes,
        keep=profile.logging.keep,
        holds=tuple(lease.fd for lease in placement.leases),
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


def quiet_parts(checked: Checked) -> tuple[str, ...]:
    """Sections that were asked for and that this version does not serve, in words."""
    resolved = checked.resolved
    parts = []
    if resolved.value("terminal", "enabled") is True:
        parts.append(
            "terminal.enabled: the browser terminal is not in this version; it is not started"
        )
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
        journal = Journal(prepared.folder / "events.jsonl", lambda text: supervisor.note(text))
        sinks: tuple[Sink, ...] = (sink, journal)

        def tell(event: Event, board: Board) -> None:
            if isinstance(event, StateChanged) and event.state == "ready":
                prepared.placement.begun()
            for each in sinks:
                each.tell(event, board)

        supervisor = Supervisor(
            prepared.run, prepared.spec, prepared.target, prepared.policy, tell=tell,
            secrets=prepared.secrets,
        )  # fmt: skip
        undo.callback(prepared.reservation.close)
        undo.callback(prepared.placement.close)
        undo.callback(_listen_to_signals(loop, supervisor))  # until the last word is written
        for each in sinks:
            undo.callback(_close, each, supervisor)
        for text in (*prepared.notes, *notes):
            supervisor.note(text)
        drawing = asyncio.ensure_future(_draw(sinks, supervisor))
        endpoint = prepared.ops and prepared.ops.serve(
            lambda: supervisor.board, supervisor.now, supervisor.cards.inventory
        )
        try:
            return await supervisor.run()
        finally:
            drawing.cancel()
            await asyncio.gather(drawing, return_exceptions=True)
            if endpoint:
                await endpoint.close()


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
    """Ask for a stop on SIGINT, SIGTERM and SIGHUP; under nohup SIGHUP stays ignored.

    A terminal that closes sends SIGHUP more than once (the kernel, then the shell), and none of
    them means haste; SIGINT and SIGTERM that are repeated do.
    """
    wanted = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        wanted.append(signal.SIGHUP)

    def hang_up() -> None:
        loop.add_signal_handler(signal.SIGHUP, lambda: None)
        supervisor.ask_stop("SIGHUP")

    for sig in wanted:
        if sig is signal.SIGHUP:
            loop.add_signal_handler(sig, hang_up)
        else:
            by = "Ctrl-C" if sig is signal.SIGINT else sig.name
            loop.add_signal_handler(sig, supervisor.ask_stop, by)

    def undo() -> None:
        for sig in wanted:
            loop.remove_signal_handler(sig)

    return undo
