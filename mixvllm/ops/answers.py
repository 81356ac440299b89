"""What the endpoint says of a run: pure functions of its :class:`~mixvllm.core.board.Board`."""

from datetime import UTC
from typing import Final

from mixvllm.core.board import Board

FORMAT_VERSION: Final = 1


def is_ready(board: Board) -> bool:
    """Whether requests are answered, and by the right model: its canary has passed."""
    return board.state == "ready"


def is_started(board: Board) -> bool:
    """Whether the engine that runs now was ready once: a probe of the start may end."""
    return board.pid is not None and board.ready_at is not None


def why_not(board: Board) -> dict[str, object]:
    """State, phase and reason, for whoever asks why the engine is not ready."""
    return {
        "state": board.state,
        "phase": None if board.phase is None else board.phase.value,
        "reason": board.reason or board.health_detail or None,
    }


def status(board: Board, *, pid: int) -> dict[str, object]:
    """The document of /status: the runs that this supervisor (``pid``) owns."""
    run = board.run
    began = None if run.began is None else run.began.astimezone(UTC).isoformat()
    return {
        "format_version": FORMAT_VERSION,
        "instances": [
            {
                "name": run.name,
                "profile": run.profile,
                "model": run.model,
                "vllm": run.release,
                **why_not(board),
                "pid": pid,
                "engine_pid": board.pid,
                "url": run.url,
                "started_at": began,
                "restarts": board.restarts,
                "start_seconds": board.start_seconds,
                "last_exit_status": board.exit_status,
                "log": run.log_file,
            }
        ],
    }
