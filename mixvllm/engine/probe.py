"""Questions to a running vLLM over HTTP: is it well, is it the right model, how busy is it.

Nothing here decides anything: answers are values, and a slow answer is told apart from none.
"""

import asyncio
import json
import os
import ssl
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from mixvllm.engine.http import Garbled, Reply, exchange

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
    """Where the engine answers, and as what. ``address`` is numeric; ``url`` is for people."""

    url: str
    address: str
    port: int
    served_name: str
    tls: bool = False
    api_key: str | None = None

    @classmethod
    def at(
        cls,
        host: str,
        port: int,
        *,
        served_name: str,
        address: str | None = None,
        tls: bool = False,
        api_key: str | None = None,
    ) -> "Target":
        """An engine that listens on ``host``, which resolved to ``address``.

        One that listens on every interface is asked on the loopback.
        """
        loopback = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104
        reached = loopback.get(host, host)
        shown = f"[{reached}]" if ":" in reached else reached
        numeric = host if address is None else address
        return cls(
            f"{'https' if tls else 'http'}://{shown}:{port}",
            loopback.get(numeric, numeric),
            port,
            served_name,
            tls,
            api_key,
        )


class Probe:
    """Asks one engine."""

    def __init__(self, target: Target, patience: Patience = Patience()) -> None:
        self._target = target
        self._patience = patience
        self._tls: ssl.SSLContext | None = None
        if target.tls:
            # Our own child on our own machine; its certificate names the public host.
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._tls.check_hostname = False
            self._tls.verify_mode = ssl.CERT_NONE

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
        served, wanted = _served_names(models.body), self._target.served_name
        if wanted not in served:
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
        target = self._target
        request = self._request(path, body)
        try:
            async with asyncio.timeout(limit):
                reply = await exchange(
                    target.address, target.port, request, tls=self._tls, largest=_LARGEST
                )
        except TimeoutError:
            return Heard(Answer.SLOW, f"no answer within {limit:g} s")
        except EOFError:
            return Heard(Answer.REFUSED, "it hung up")
        except Garbled as nonsense:
            return Heard(Answer.REFUSED, str(nonsense))
        except OSError as error:
            return Heard(Answer.REFUSED, _why(error))
        return _heard(reply)

    def _request(self, path: str, body: dict[str, object] | None) -> bytes:
        data = b"" if body is None else json.dumps(body).encode()
        fields = {
            "Host": self._target.url.partition("://")[2],
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        if self._target.api_key is not None and path.startswith("/v1"):
            fields["Authorization"] = f"Bearer {self._target.api_key}"
        if body is not None:
            fields |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
        head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{head}{lines}\r\n".encode() + data


def _heard(reply: Reply) -> Heard:
    if reply.status == 200:
        return Heard(Answer.YES, body=reply.body.decode("utf-8", "replace"))
    return Heard(Answer.NO, f"{reply.status} {_message(reply.body)}".strip())


def _why(error: OSError) -> str:
    """In the words of the system; asyncio writes sentences of its own around them."""
    if isinstance(error, ssl.SSLError):
        return f"TLS: {(error.reason or str(error)).lower().replace('_', ' ')}"
    return os.strerror(error.errno).lower() if error.errno else str(error)


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
