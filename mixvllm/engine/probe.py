"""Questions to a running vLLM over HTTP: is it well, is it the right model, how busy is it.

tornado's client is used because it lives on our loop and is there already for the terminal.
Nothing here decides anything: answers are values, and a slow answer is told apart from none.
"""

import json
import ssl
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.simple_httpclient import HTTPStreamClosedError, HTTPTimeoutError, SimpleAsyncHTTPClient

_LARGEST: Final = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an answer may take, in seconds."""

    health: float = 5.0
    metrics: float = 10.0
    canary: float = 120.0  # the first request may compile kernels


class Answer(Enum):
    """How a question went."""

    YES = auto()
    NO = auto()  # it answered, and not with 200
    REFUSED = auto()  # nobody listens
    SLOW = auto()  # no answer in time: busy, or frozen


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer in words, with the body of a YES."""

    answer: Answer
    detail: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the engine answers, and as what. ``served_name`` None: whatever it calls itself."""

    url: str
    served_name: str | None
    api_key: str | None = None

    @classmethod
    def at(
        cls, host: str, port: int, *, served_name: str | None, tls: bool, api_key: str | None
    ) -> "Target":
        """An engine that listens on ``host``; a wildcard address is asked on the loopback."""
        reached = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
        shown = f"[{reached}]" if ":" in reached else reached
        return cls(f"{'https' if tls else 'http'}://{shown}:{port}", served_name, api_key)


class Probe:
    """Asks one engine. Make it inside the running loop; close it at the end."""

    def __init__(self, target: Target, patience: Patience = Patience()) -> None:
        self._target = target
        self._patience = patience
        self._client: AsyncHTTPClient = SimpleAsyncHTTPClient(
            force_instance=True, max_clients=8, max_body_size=_LARGEST, max_buffer_size=_LARGEST
        )
        self._context: ssl.SSLContext | None = None
        if target.url.startswith("https"):
            # Our own child on our own machine; its certificate names the public host.
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE

    def close(self) -> None:
        """Give the sockets back."""
        self._client.close()

    async def health(self) -> Heard:
        """/health."""
        return await self._ask("/health", limit=self._patience.health)

    async def metrics(self) -> Heard:
        """/metrics, as text."""
        return await self._ask("/metrics", limit=self._patience.metrics)

    async def canary(self) -> Heard:
        """One real token of the right model; for models that do not generate, one embedding."""
        models = await self._ask("/v1/models", limit=self._patience.health)
        if models.answer is not Answer.YES:
            return models
        served = _served_names(models.body)
        wanted = self._target.served_name or (served[0] if served else None)
        if wanted is None or wanted not in served:
            return Heard(Answer.NO, f"it serves {', '.join(served) or 'no model'}, not {wanted}")
        heard = await self._ask(
            "/v1/completions",
            {"model": wanted, "prompt": "1", "max_tokens": 1, "temperature": 0},
            limit=self._patience.canary,
        )
        if heard.answer is Answer.NO and heard.detail.startswith(("404", "400")):
            other = await self._ask(
                "/v1/embeddings", {"model": wanted, "input": "1"}, limit=self._patience.canary
            )
            return other if other.answer is Answer.YES else heard
        if heard.answer is Answer.YES and not _has_choice(heard.body):
            return Heard(Answer.NO, "the completion has no choices")
        return heard

    async def _ask(
        self, path: str, body: dict[str, object] | None = None, *, limit: float
    ) -> Heard:
        headers = {"Accept-Encoding": "identity"}
        if self._target.api_key is not None and path.startswith("/v1"):
            headers["Authorization"] = f"Bearer {self._target.api_key}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = HTTPRequest(
            self._target.url + path,
            method="GET" if body is None else "POST",
            headers=headers,
            body=None if body is None else json.dumps(body),
            connect_timeout=limit,
            request_timeout=limit,
            follow_redirects=False,
            decompress_response=False,
            ssl_options=self._context,
        )
        try:
            response = await self._client.fetch(request, raise_error=False)
        except HTTPTimeoutError:
            return Heard(Answer.SLOW, f"no answer within {limit:g} s")
        except HTTPStreamClosedError:
            return Heard(Answer.REFUSED, "it hung up")
        except OSError as error:
            return Heard(Answer.REFUSED, error.strerror or str(error))
        return _heard(response, limit)


def _heard(response: HTTPResponse, limit: float) -> Heard:
    """Translate an answer; tornado reports its own failures as status 599."""
    if response.code == 200:
        return Heard(Answer.YES, body=response.body.decode("utf-8", "replace"))
    if response.code == 599:
        error = response.error
        if isinstance(error, HTTPTimeoutError):
            return Heard(Answer.SLOW, f"no answer within {limit:g} s")
        return Heard(Answer.REFUSED, str(error))
    return Heard(Answer.NO, f"{response.code} {_message(response.body)}".strip())


def _message(body: bytes | None) -> str:
    """The words of an error answer, as vLLM gives them."""
    try:
        document: Any = json.loads(body or b"")
        error = document.get("error", document)
        return str(error.get("message", ""))[:200]
    except (ValueError, AttributeError):
        return ""


def _served_names(body: str) -> list[str]:
    try:
        return [str(model["id"]) for model in json.loads(body)["data"]]
    except (ValueError, KeyError, TypeError):
        return []


def _has_choice(body: str) -> bool:
    try:
        return bool(json.loads(body)["choices"])
    except (ValueError, KeyError, TypeError):
        return False
