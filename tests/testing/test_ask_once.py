import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import pytest

from mixvllm.testing.ask_once import Address, NoAnswer, _options, ask, stop, wait_until_ready

POLITE = """
import signal
signal.signal(signal.SIGTERM, lambda *_: exit(6))
print(1, flush=True)
input()
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); input()"


@contextmanager
def child(program: str) -> "Iterator[subprocess.Popen[bytes]]":
    """A process in the place of `mixvllm serve`; it has said a line when ``with`` begins."""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


class Api(http.server.BaseHTTPRequestHandler):
    """What vLLM answers, as far as ask_once reads it."""

    sick: ClassVar[bool] = False
    confused: ClassVar[bool] = False

    def do_GET(self) -> None:
        if self.path == "/health" and self.sick:
            self._say(503, b"the engine is dead")
        else:
            self._say(200, b'{"data": [{"id": "small"}]}' if self.path == "/v1/models" else b"")

    def do_POST(self) -> None:
        question = self.rfile.read(int(self.headers["Content-Length"]))
        if self.confused or b'"model": "small"' not in question:
            self._say(400, b"no chat template")
        else:
            self._say(200, b'{"choices": [{"message": {"content": " Paris.\\n"}}]}')

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


@contextmanager
def api(*, sick: bool = False, confused: bool = False) -> Iterator[Address]:
    kind = type("ThisApi", (Api,), {"sick": sick, "confused": confused})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Address("127.0.0.1", server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def nobody_listens() -> Address:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        return Address("127.0.0.1", server.server_address[1])


def test_a_ready_server_is_asked_by_the_name_it_gives() -> None:
    with child("print(1, flush=True); input()") as serve, api() as address:
        model = wait_until_ready(serve, address, limit=30)
        assert model == "small"
        assert ask(address, model, "What is the capital of France?", limit=30) == "Paris."


def test_a_serve_that_ends_early_is_reported_at_once_with_its_code() -> None:
    with (
        child("print(1, flush=True); raise SystemExit(4)") as serve,
        pytest.raises(NoAnswer, match="ended with code 4"),
    ):
        wait_until_ready(serve, nobody_listens(), limit=30)


def test_models_without_health_are_not_ready() -> None:
    with (
        child("print(1, flush=True); input()") as serve,
        api(sick=True) as address,
        pytest.raises(NoAnswer, match="503: the engine is dead"),
    ):
        wait_until_ready(serve, address, limit=0.2)


def test_a_refused_question_is_reported_in_the_words_of_the_server() -> None:
    with api(confused=True) as address, pytest.raises(NoAnswer, match="400: no chat template"):
        ask(address, "small", "What is the capital of France?", limit=30)


def test_stop_returns_the_code_of_a_polite_serve() -> None:
    with child(POLITE) as serve:
        assert stop(serve, limit=30) == 6


def test_a_serve_that_does_not_stop_is_killed(capfd: pytest.CaptureFixture[str]) -> None:
    with child(DEAF) as serve:
        assert stop(serve, limit=0.2) == -9
    assert "did not stop" in capfd.readouterr().err


def test_an_option_counts_in_both_spellings_and_the_last_one_wins() -> None:
    argv = ["vllm", "serve", "--port", "1", "--host=::", "--enforce-eager", "--port=2"]
    options = _options(argv)
    assert (options["--port"], options["--host"]) == ("2", "::")
