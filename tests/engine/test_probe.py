"""Questions to real little servers: well ones, and those that lie, hang, hang up and flood."""

import asyncio
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from mixvllm.engine.probe import Answer, Heard, Patience, Probe, Target
from mixvllm.testing.running import free_port

CERTIFICATE = Path(__file__).parents[1] / "data" / "tls" / "self-signed.pem"
IMPATIENT = Patience(health=0.4, metrics=0.4, canary=0.4)
Serve = Callable[[socket.socket, str], None]


@contextmanager
def serving(serve: Serve, *, tls: bool = False, host: str = "127.0.0.1") -> Iterator[int]:
    """A server on a port; ``serve`` gets each connection with its request's head and body."""
    over = threading.Event()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    listening = socket.create_server(
        (host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET
    )

    def one(connection: socket.socket) -> None:
        try:
            talk = context.wrap_socket(connection, server_side=True) if tls else connection
        except OSError:  # it speaks another protocol
            connection.close()
            return
        with talk, suppress(OSError):  # or it has gone
            request = _request(talk)
            if request:
                serve(talk, request)

    def accept() -> None:
        listening.settimeout(0.05)
        while not over.is_set():
            with suppress(TimeoutError):
                connection, _ = listening.accept()
                connection.settimeout(5)
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        over.set()
        thread.join()
        listening.close()


def _request(connection: socket.socket) -> str:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return ""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"),
        0,
    )
    while len(body) < length:
        body += connection.recv(65536)
    return (head + b"\r\n\r\n" + body).decode()


def answer(status: int, body: object = "", *, extra: str = "") -> bytes:
    text = body if isinstance(body, str) else json.dumps(body)
    return (
        f"HTTP/1.1 {status} X\r\ncontent-length: {len(text.encode())}\r\n{extra}\r\n{text}".encode()
    )


def always(data: bytes) -> Serve:
    """A server that says the same to everything, then closes."""
    return lambda connection, _: connection.sendall(data)


def pages(pages: Mapping[str, tuple[int, object]], *, key: str | None = None) -> Serve:
    """A server with pages; with a key, /v1 wants it."""

    def serve(connection: socket.socket, request: str) -> None:
        path = request.split(" ")[1]
        if key is not None and path.startswith("/v1") and f"Bearer {key}\r\n" not in request:
            connection.sendall(answer(401, {"error": {"message": "Unauthorized"}}))
        else:
            connection.sendall(answer(*pages.get(path, (404, {"detail": "Not Found"}))))

    return serve


def target(port: int, **changes: object) -> Target:
    return replace(Target.at("127.0.0.1", port, served_name="mine"), **changes)  # type: ignore[arg-type]


def health(where: Target) -> Heard:
    async def ask() -> Heard:
        return await Probe(where, IMPATIENT).health()

    return asyncio.run(ask(), debug=True)


def canary(where: Target) -> Heard:
    async def ask() -> Heard:
        return await Probe(where, IMPATIENT).canary()

    return asyncio.run(ask(), debug=True)


def stall(connection: socket.socket, request: str) -> None:
    """Never answer; end when the client does."""
    connection.recv(1)


def drip(connection: socket.socket, request: str) -> None:
    """A byte of an endless header now and then."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"x-more: 1\r\n")
        time.sleep(0.02)


def flood(connection: socket.socket, request: str) -> None:
    """A body without an end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


def test_200_is_yes_with_the_body() -> None:
    with serving(always(answer(200, "fine"))) as port:
        assert health(target(port)) == Heard(Answer.YES, body="fine")


def test_503_is_no_in_the_words_of_the_server() -> None:
    with serving(always(answer(503, {"error": {"message": "the engine is dead"}}))) as port:
        assert health(target(port)) == Heard(Answer.NO, "503 the engine is dead")


@pytest.mark.parametrize("body", ["", "<html>busy</html>", "[]", "null", '{"error": 3}'])
def test_an_error_without_words_is_its_number(body: str) -> None:
    with serving(always(answer(500, body))) as port:
        assert health(target(port)) == Heard(Answer.NO, "500")


def test_nobody_listens() -> None:
    assert health(target(free_port())) == Heard(Answer.REFUSED, "connection refused")


def test_a_redirect_is_not_followed() -> None:
    with serving(always(answer(302, extra="location: http://192.0.2.1/\r\n"))) as port:
        assert health(target(port)).answer is Answer.NO


@pytest.mark.parametrize("serve", [stall, drip], ids=["silent", "dripping"])
def test_slow_is_not_no(serve: Serve) -> None:
    with serving(serve) as port:
        began = time.monotonic()
        heard = health(target(port))
    assert heard == Heard(Answer.SLOW, "no answer within 0.4 s")
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfin",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x00\xff\x00\xff\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: five\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
    ],
)
def test_whoever_hangs_up_or_talks_nonsense_is_as_good_as_gone(said: bytes) -> None:
    with serving(always(said)) as port:
        heard = health(target(port))
    assert heard.answer is Answer.REFUSED
    assert heard.detail


def test_a_huge_answer_is_not_read(capfd: pytest.CaptureFixture[str]) -> None:
    with serving(always(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n")) as port:
        assert health(target(port)).answer is Answer.REFUSED
    with serving(flood) as port:
        assert health(target(port)).answer in {Answer.REFUSED, Answer.SLOW}
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\n\r\nfine",
        b"HTTP/1.0 200\r\n\r\nfine",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine and more",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfi\r\n2;x=y\r\nne\r\n0\r\n\r\n",
    ],
    ids=["until the end", "1.0", "continued", "chunked"],
)
def test_every_way_to_say_how_long_a_body_is(said: bytes) -> None:
    def in_pieces(connection: socket.socket, request: str) -> None:
        for byte in said:
            connection.sendall(bytes([byte]))

    for serve in (always(said), in_pieces):
        with serving(serve) as port:
            assert health(target(port)) == Heard(Answer.YES, body="fine")


@pytest.mark.parametrize(
    "said",
    [
        b"2\r\nfine\r\n0\r\n\r\n",
        b"-2\r\nfi\r\n0\r\n\r\n",
        b"ffffffff\r\nfi",
        b"2\r\nfi\r\n",
        b"x" * 100_000,
    ],
)
def test_chunks_that_do_not_fit(said: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    with serving(always(head + said)) as port:
        assert health(target(port)).answer is Answer.REFUSED


def test_a_head_without_an_end_is_not_read() -> None:
    with serving(always(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000)) as port:
        assert health(target(port)) == Heard(Answer.REFUSED, "it sends a head without an end")


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("tls", [True, False], ids=["handshake", "answer"])
def test_questions_to_a_frozen_server_leave_nothing_behind(tls: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:  # accepted by the kernel alone
        port = frozen.getsockname()[1]

        async def ask() -> tuple[int, int]:
            probe = Probe(target(port, tls=tls), Patience(health=0.02))
            assert (await probe.health()).answer is Answer.SLOW
            before = descriptors()
            for _ in range(20):
                assert (await probe.health()).answer is Answer.SLOW
            return before, descriptors()

        before, after = asyncio.run(ask())
    assert after <= before


def test_a_self_signed_certificate_for_the_public_name() -> None:
    with serving(always(answer(200)), tls=True) as port:
        assert health(target(port, tls=True)).answer is Answer.YES


@pytest.mark.parametrize("tls", [True, False])
def test_the_wrong_protocol(tls: bool) -> None:
    with serving(always(answer(200)), tls=not tls) as port:
        heard = health(target(port, tls=tls))
    assert heard.answer in {Answer.REFUSED, Answer.SLOW}


def test_a_proxy_of_the_environment_does_not_come_between(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.1:9")
    with serving(always(answer(200))) as port:
        assert health(target(port)).answer is Answer.YES


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("2001:db8::5", "http://[2001:db8::5]:8000"),
        ("gpu-box", "http://gpu-box:8000"),
    ],
)
def test_where_it_is_asked(host: str, url: str) -> None:
    assert Target.at(host, 8000, served_name="m").url == url


def test_a_name_is_shown_and_its_address_is_asked() -> None:
    with serving(always(answer(200))) as port:
        where = Target.at("gpu-box", port, served_name="m", address="127.0.0.1")
        assert where.url == f"http://gpu-box:{port}"
        assert health(where).answer is Answer.YES


def test_ipv6() -> None:
    with serving(always(answer(200)), host="::1") as port:
        where = Target.at("::", port, served_name="m")
        assert health(where).answer is Answer.YES


MODELS = (200, {"object": "list", "data": [{"id": "mine"}, {"id": "also-mine"}]})
COMPLETION = (200, {"choices": [{"text": "2"}]})
WELL = {"/v1/models": MODELS, "/v1/completions": COMPLETION}


def test_a_completion_of_the_right_model() -> None:
    with serving(pages(WELL)) as port:
        assert canary(target(port)).answer is Answer.YES
        assert canary(target(port, served_name="also-mine")).answer is Answer.YES


def test_the_wrong_model_is_named() -> None:
    with serving(pages(WELL)) as port:
        assert canary(target(port, served_name="other")) == Heard(
            Answer.NO, "it serves mine, also-mine, not other"
        )


@pytest.mark.parametrize("body", ["[]", "{}", '{"data": 3}', '{"data": [{}]}', "no json"])
def test_a_list_of_models_that_is_none(body: str) -> None:
    with serving(pages(WELL | {"/v1/models": (200, body)})) as port:
        assert canary(target(port)) == Heard(Answer.NO, "it serves no model, not mine")


def test_the_key_is_sent() -> None:
    with serving(pages(WELL, key="right")) as port:
        assert canary(target(port, api_key="right")).answer is Answer.YES
        assert canary(target(port, api_key="wrong")) == Heard(Answer.NO, "401 Unauthorized")
        assert canary(target(port)) == Heard(Answer.NO, "401 Unauthorized")


def test_the_key_is_sent_to_v1_alone() -> None:
    requests: list[str] = []

    def serve(connection: socket.socket, request: str) -> None:
        requests.append(request)
        connection.sendall(answer(200))

    with serving(serve) as port:
        health(target(port, api_key="secret"))
    assert "secret" not in requests[0]


@pytest.mark.parametrize("status", [400, 404])
def test_a_model_that_does_not_generate_is_asked_for_an_embedding(status: int) -> None:
    refused = (status, {"error": {"message": "The model does not support Completions API"}})
    embeds = WELL | {"/v1/completions": refused, "/v1/embeddings": (200, {"data": []})}
    with serving(pages(embeds)) as port:
        assert canary(target(port)).answer is Answer.YES
    with serving(pages(WELL | {"/v1/completions": refused})) as port:
        assert canary(target(port)) == Heard(
            Answer.NO, f"{status} The model does not support Completions API"
        )


def test_an_engine_that_cannot_complete_is_not_asked_for_anything_else() -> None:
    asked: list[str] = []
    dead = (500, {"error": {"message": "EngineCore encountered an issue"}})
    inner = pages(WELL | {"/v1/completions": dead, "/v1/embeddings": (200, {"data": []})})

    def serve(connection: socket.socket, request: str) -> None:
        asked.append(request.split(" ")[1])
        inner(connection, request)

    with serving(serve) as port:
        assert canary(target(port)) == Heard(Answer.NO, "500 EngineCore encountered an issue")
    assert asked == ["/v1/models", "/v1/completions"]


@pytest.mark.parametrize("body", [{"choices": []}, {}, "", "[]"])
def test_a_completion_without_a_choice_is_none(body: object) -> None:
    with serving(pages(WELL | {"/v1/completions": (200, body)})) as port:
        assert canary(target(port)) == Heard(Answer.NO, "the completion has no choices")


def test_a_question_that_hangs_does_not_hold_up_the_others() -> None:
    def serve(connection: socket.socket, request: str) -> None:
        if " /metrics " in request:
            stall(connection, request)
        else:
            connection.sendall(answer(200))

    async def ask(where: Target) -> tuple[Heard, float]:
        probe = Probe(where, Patience(health=5, metrics=5))
        metrics = asyncio.ensure_future(probe.metrics())
        await asyncio.sleep(0)
        began = time.monotonic()
        heard = await probe.health()
        took = time.monotonic() - began
        metrics.cancel()
        return heard, took

    with serving(serve) as port:
        heard, took = asyncio.run(ask(target(port)))
    assert heard.answer is Answer.YES
    assert took < 3
