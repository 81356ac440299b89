"""The routes of the fake engine: one request in, one reply out, counted as vLLM counts it.

Every route that vLLM 0.32.0 announces is known; those that are not played answer 501, so
that nobody takes silence for an answer.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable

from mixvllm.testing import fake_script
from mixvllm.testing.fake_client import DRAINING, EngineClient
from mixvllm.testing.fake_http import Reply, Request
from mixvllm.testing.fake_openai import Json, OpenAi, Refused, dump
from mixvllm.testing.fake_output import STDERR, traceback, write
from mixvllm.testing.fake_process import Process

_GUARDED = ("/v1", "/v2", "/inference", "/cohere")
_UNCOUNTED = ("/metrics", "/health", "/load", "/ping", "/version", "/server_info")
_SUBMIT = ("lib/python3.11/concurrent/futures/thread.py", 167, "submit", "raise RuntimeError")
_METHODS: dict[str, set[str]] = {}
for _path, _methods in fake_script.ROUTES:
    _METHODS.setdefault(_path, set()).update(_methods.split(", "))


class Routes:
    """Answers for every path; ``api`` knows the settings and the lasting faults."""

    def __init__(self, api: Process, client: EngineClient) -> None:
        self.api = api
        self.settings = api.settings
        self.client = client
        self.openai = OpenAi(api.settings, client)
        self._table: dict[str, Callable[[Request], Awaitable[Reply]]] = {
            "/health": self._health,
            "/ping": self._health,
            "/metrics": self._metrics,
            "/load": lambda _: _json({"server_load": self._load()}),
            "/version": lambda _: _json({"version": self.settings.version}),
            "/kv_event_sources": lambda _: _json({}),
            "/is_scaling_elastic_ep": lambda _: _json({"is_scaling_elastic_ep": False}),
            "/v1/models": lambda _: _json(self.openai.models()),
            "/tokenize": lambda request: _json(self.openai.tokenize(_body(request))),
            "/detokenize": lambda request: _json(self.openai.detokenize(_body(request))),
            "/v1/completions": lambda request: self._generate(request, chat=False),
            "/v1/chat/completions": lambda request: self._generate(request, chat=True),
        }

    async def answer(self, request: Request) -> Reply:
        """The reply to any request."""
        if request.path.startswith(_GUARDED) and not self._has_key(request):
            return Reply(401, dump({"error": "Unauthorized"}))
        if request.path not in _METHODS:
            return Reply(404, dump({"detail": "Not Found"}))
        if request.method not in _METHODS[request.path]:
            return Reply(405, dump({"detail": "Method Not Allowed"}))
        try:
            if (route := self._table.get(request.path)) is None:
                message = f"the fake engine does not play {request.path}"
                raise Refused(501, "NotImplementedError", message)
            return await route(request)
        except Refused as refused:
            if str(refused) == DRAINING:
                error = traceback(f"RuntimeError: {DRAINING}", _SUBMIT)
                write(STDERR, f"ERROR:    Exception in ASGI application\n{error}\n")
            return Reply(refused.status, dump(refused.body))
        except (ValueError, TypeError, AttributeError) as error:
            return Reply(400, dump(Refused(400, "BadRequestError", str(error)).body))

    def counted(self, request: Request, status: int, sent: int, seconds: float) -> None:
        """Count an answer in the ``http_`` metrics."""
        if request.path not in _UNCOUNTED and status != 401:
            unrouted = status in {404, 405} and request.method not in _METHODS.get(request.path, ())
            self.client.metrics.served(
                "none" if unrouted else request.path,
                request.method,
                status,
                received=len(request.body),
                sent=sent,
                seconds=seconds,
            )

    def _has_key(self, request: Request) -> bool:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        keys = self.settings.api_keys
        return not keys or (scheme.lower() == "bearer" and key in keys)

    async def _health(self, request: Request) -> Reply:
        await asyncio.sleep(float(self.api.quirks.get("slow-health", 0)))
        dead = self.client.dead or "health-503" in self.api.quirks
        return Reply(503 if dead else 200, content_type=None)

    async def _metrics(self, request: Request) -> Reply:
        if "no-metrics" in self.api.quirks:
            return Reply(404, dump({"detail": "Not Found"}))
        kind = "text/plain; version=1.0.0; charset=utf-8"
        return Reply(200, self.client.metrics.text().encode(), kind)

    async def _generate(self, request: Request, *, chat: bool) -> Reply:
        if chat and "no-chat-template" in self.api.quirks:
            self.openai.chat_template = False
        body = _body(request)
        call = self.openai.call(body, chat=chat)
        self.openai.admit()
        if body.get("stream"):
            return Reply(200, self.openai.stream(call), "text/event-stream; charset=utf-8")
        return await _json(await self.openai.whole(call))

    def _load(self) -> int:
        """Requests under way; 0 unless the operator asked to track them."""
        tracking = self.settings.options.get("enable_server_load_tracking")
        return len(self.client.running) if tracking else 0


async def _json(body: Json) -> Reply:
    return Reply(200, dump(body))


def _body(request: Request) -> Json:
    """The JSON object of a request. Raises Refused in the words of FastAPI."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        text = "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed"
        raise Refused(400, "Bad Request", text)
    try:
        body = json.loads(request.body)
    except ValueError as error:
        place = getattr(error, "pos", 0)
        text = (
            f"1 validation error:\n  {{'type': 'json_invalid', 'loc': 'body.{place}', "
            f"'msg': 'JSON decode error', 'input': '<dict of 0 items>', "
            f"'ctx': {{'error': {getattr(error, 'msg', str(error))!r}}}}}"
        )
        raise Refused(400, "Bad Request", text, param=f"body.{place}") from None
    if not isinstance(body, dict):
        text = "1 validation error:\n  Input should be a valid dictionary"
        raise Refused(400, "Bad Request", text)
    return body
