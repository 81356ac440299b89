"""How long until it answers: `mixvllm serve` against the same `vllm serve` by hand.

``python -m mixvllm.testing.bench_ready PROFILE``. The two take turns, so that what else runs on
the machine meets both; each is asked from outside, in the same way, for the same completion.
"""

import argparse
import http.client
import json
import os
import signal
import statistics
import subprocess  # noqa: TID251 - measures the command from outside
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mixvllm.testing.ask_once import Address, address_of

_MIXVLLM: Final = (sys.executable, "-m", "mixvllm")
_MOST: Final = 1.03  # times as long
_POLL: Final = 0.05  # seconds between two questions
_START: Final = 600.0
_STOP: Final = 120.0


@dataclass(frozen=True, slots=True)
class Contender:
    """A command that serves the profile."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]


def by_hand(profile: Path) -> Contender:
    """What `mixvllm render-cmd` shows, as an operator would paste it."""
    rendered = subprocess.run(
        [*_MIXVLLM, "render-cmd", str(profile), "--format", "json"],
        stdout=subprocess.PIPE,
        check=True,
    )
    command = json.loads(rendered.stdout)
    return Contender("vllm serve", command["argv"], command["env"])


def seconds_to_answer(contender: Contender, address: Address) -> float:
    """From its start to its first completion; it is stopped, with all that it left, afterwards.

    Raises RuntimeError when it ends, or ten minutes pass, without an answer.
    """
    with tempfile.TemporaryFile() as log:
        began = time.monotonic()
        process = subprocess.Popen(
            contender.argv,
            env={**os.environ, **contender.env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            while not _answers(address):
                if process.poll() is not None or time.monotonic() - began > _START:
                    raise RuntimeError(f"{contender.name} does not answer ({process.poll()})")
                time.sleep(_POLL)
            return time.monotonic() - began
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_STOP)


def _answers(address: Address) -> bool:
    """Whether it is healthy and completes a token."""
    try:
        address.request("GET", "/health", limit=5)
        models = json.loads(address.request("GET", "/v1/models", limit=5))
        body = {"model": models["data"][0]["id"], "prompt": "1", "max_tokens": 1}
        address.request("POST", "/v1/completions", body=body, limit=60)
    except (OSError, http.client.HTTPException):
        return False
    return True


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table. Exit 1: `mixvllm serve` takes longer than it may."""
    parser = argparse.ArgumentParser(prog="python -m mixvllm.testing.bench_ready")
    parser.add_argument("profile", type=Path)
    parser.add_argument("--runs", type=int, default=3, help="of each")
    options = parser.parse_args(argv)
    address = address_of(options.profile)
    contenders = (
        by_hand(options.profile),
        Contender("mixvllm serve", (*_MIXVLLM, "serve", str(options.profile)), {}),
    )
    took: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in range(options.runs):
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            took[contender.name].append(seconds_to_answer(contender, address))
            print(f"{contender.name}: {took[contender.name][-1]:.1f} s", file=sys.stderr)
    print("| command | to the first answer, median | each |")
    print("|---|---|---|")
    for name, seconds in took.items():
        each = ", ".join(f"{one:.1f}" for one in seconds)
        print(f"| `{name}` | {statistics.median(seconds):.1f} s | {each} |")
    hand, ours = (statistics.median(seconds) for seconds in took.values())
    print(f"| ratio, at most {_MOST} | {ours / hand:.3f} | |")
    return 1 if ours / hand > _MOST else 0


if __name__ == "__main__":
    sys.exit(main())
