"""The OpenAI side of the fake engine: request bodies in, the JSON of vLLM 0.32.0 out.

Keys, their order, defaults and error texts follow a real 0.32.0 asked the same questions
(``tests/data/answers_0.32.0.json``).
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from itertools import count

from mixvllm.testing.fake_client import DEAD, DRAINING, EngineClient, EngineDeadError, Wanted
from mixvllm.testing.fake_settings import Settings
from mixvllm.testing.fake_wire import Token
from mixvllm.testing.fake_words import split, token_id

Json = dict[str, object]
_NO_TEMPLATE = (
    "As of transformers v4.44, default chat template is no longer allowed, so you must provide a "
    "chat template if the tokenizer does not define one."
)
_COMPLETION_TOKENS = 16  # max_tokens of /v1/completions when the request has none


class Refused(Exception):
    """An answer that is an error, in OpenAI's shape."""

    def __init__(self, status: int, kind: str, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {
            "error": {"message": message, "type": kind, "param": param, "code": status}
        }


def invalid(name: str, message: str, value: object) -> Refused:
    """A parameter that vLLM refuses."""
    text = f"{message} (parameter={name}, value={value})"
    return Refused(400, "BadRequestError", text, param=name)


def missing(name: str, keys: int) -> Refused:
    """A field that is not there, in the words of its validator."""
    text = (
        f"1 validation error:\n  {{'type': 'missing', 'loc': 'body.{name}', "
        f"'msg': 'Field required', 'input': '<dict of {keys} items>'}}"
    )
    return Refused(400, "Bad Request", text, param=f"body.{name}")


def broken() -> Refused:
    """The engine died under the request."""
    return Refused(500, "InternalServerError", DEAD)


@dataclass(slots=True)
class Choice:
    """One choice of an answer, as far as it has come."""

    text: str = ""
    tokens: int = 0
    finish_reason: str | None = None
    stop_reason: str | None = None


@dataclass(slots=True)
class Call:
    """One request being answered: what was asked, and one Choice for each sequence."""

    id: str
    chat: bool
    model: str
    prompt_tokens: int
    wanted: list[Wanted]
    include_usage: bool
    created: int = field(default_factory=lambda: int(time.time()))

    def usage(self, choices: list[Choice]) -> Json:
        """Tokens in and out."""
        made = sum(choice.tokens for choice in choices)
        return {
            "prompt_tokens": self.prompt_tokens,
            "total_tokens": self.prompt_tokens + made,
            "completion_tokens": made,
        }


class OpenAi:
    """Answers for ``/v1`` and the tokenizer."""

    def __init__(self, settings: Settings, engine: EngineClient) -> None:
        self.settings = settings
        self.engine = engine
        self.chat_template = True
        self.fingerprint = f"vllm-{settings.version}-1d1df309"
        self._numbers = count(1)
        self._vocabulary: dict[int, str] = {}

    # what it knows

    def models(self) -> Json:
        """The list of ``/v1/models``."""
        now = int(time.time())
        permission: Json = {
            "id": f"modelperm-{next(self._numbers):016x}",
            "object": "model_permission",
            "created": now,
            "allow_create_engine": False,
            "allow_sampling": True,
            "allow_logprobs": True,
            "allow_search_indices": False,
            "allow_view": True,
            "allow_fine_tuning": False,
            "organization": "*",
            "group": None,
            "is_blocking": False,
        }
        cards = [
            {
                "id": name,
                "object": "model",
                "created": now,
                "owned_by": "vllm",
                "root": self.settings.model,
                "parent": None,
                "max_model_len": self.settings.max_model_len,
                "permission": [permission],
            }
            for name in self.settings.served_names
        ]
        return {"object": "list", "data": cards}

    def tokenize(self, body: Json) -> Json:
        """``/tokenize`` of a prompt or of messages."""
        self._check_model(body)
        text = chat_prompt(body) if "messages" in body else str(_need(body, "prompt"))
        pieces = split(text)
        ids = [token_id(piece) for piece in pieces]
        self._vocabulary.update(zip(ids, pieces, strict=True))
        return {
            "count": len(ids),
            "max_model_len": self.settings.max_model_len,
            "tokens": ids,
            "token_strs": pieces if body.get("return_token_strs") else None,
        }

    def detokenize(self, body: Json) -> Json:
        """``/detokenize``: tokens that ``/tokenize`` has given out."""
        self._check_model(body)
        tokens = _need(body, "tokens")
        ids = tokens if isinstance(tokens, list) else []
        return {"prompt": "".join(self._vocabulary.get(token, "<unk>") for token in ids)}

    # what it generates

    def call(self, body: Json, *, chat: bool) -> Call:
        """Read a request. Raises Refused as vLLM would refuse it."""
        self._check_model(body)
        if chat:
            prompts: list[tuple[str, int]] = [_counted(chat_prompt(body))]
            if not self.chat_template:
                raise Refused(400, "BadRequestError", _NO_TEMPLATE)
        else:
            prompts = _prompts(_need(body, "prompt"))
        if (heat := body.get("temperature")) is not None and float(str(heat)) < 0:
            message = f"temperature must be non-negative, got {float(str(heat))}."
            raise invalid("temperature", message, float(str(heat)))
        stop = body.get("stop") or []
        options = body.get("stream_options") or {}
        wanted = [
            Wanted(
                prompt=text,
                prompt_tokens=tokens,
                limit=self._limit(body, tokens, chat=chat),
                ignore_eos=bool(body.get("ignore_eos")),
                stop=[stop] if isinstance(stop, str) else [str(word) for word in _list(stop)],
            )
            for text, tokens in prompts
            for _ in range(int(str(body.get("n") or 1)))
        ]
        return Call(
            id=f"{'chatcmpl' if chat else 'cmpl'}-{next(self._numbers):016x}",
            chat=chat,
            model=self.settings.served_names[0],
            prompt_tokens=sum(tokens for _, tokens in prompts),
            wanted=wanted,
            include_usage=isinstance(options, dict) and bool(options.get("include_usage")),
        )

    def admit(self) -> None:
        """Refuse a request that no engine will take."""
        if self.engine.dead:
            raise broken()
        if self.engine.draining:
            raise Refused(500, "InternalServerError", DRAINING)

    async def tokens(self, call: Call) -> AsyncIterator[tuple[int, Token]]:
        """The tokens of all choices as they come, with the number of their choice."""
        inbox: asyncio.Queue[tuple[int, Token] | None] = asyncio.Queue()
        numbers = []
        try:
            for index, wanted in enumerate(call.wanted):
                numbers.append(self.engine.submit(wanted, index, inbox))
            open_choices = len(numbers)
            while open_choices:
                if (item := await inbox.get()) is None:
                    raise EngineDeadError
                yield item
                open_choices -= item[1]["finish_reason"] is not None
        finally:
            for number in numbers:
                self.engine.abort(number)

    async def whole(self, call: Call) -> Json:
        """The answer in one piece."""
        choices = [Choice() for _ in call.wanted]
        try:
            async for index, token in self.tokens(call):
                _grow(choices[index], token)
        except EngineDeadError:
            raise broken() from None
        usage = call.usage(choices)
        usage |= {"prompt_tokens_details": None, "completion_tokens_details": None}
        answer: Json = {
            "id": call.id,
            "object": "chat.completion" if call.chat else "text_completion",
            "created": call.created,
            "model": call.model,
            "choices": [_choice(place, one, chat=call.chat) for place, one in enumerate(choices)],
            "service_tier": None,
            "system_fingerprint": self.fingerprint,
            "usage": usage,
        }
        if call.chat:
            answer |= {"prompt_logprobs": None, "prompt_token_ids": None, "prompt_text": None}
        return answer | {"kv_transfer_params": None, "ec_transfer_params": None, "metrics": None}

    async def stream(self, call: Call) -> AsyncIterator[bytes]:
        """The answer as server-sent events; a dead engine is the last but one of them."""
        choices = [Choice() for _ in call.wanted]
        try:
            if call.chat:
                for index in range(len(choices)):
                    head = {"index": index, "delta": {"role": "assistant", "content": ""}}
                    head |= {"logprobs": None, "finish_reason": None}
                    more: Json = {"prompt_token_ids": None, "prompt_text": None}
                    yield self._chunk(call, [head], more)
            async for index, token in self.tokens(call):
                _grow(choices[index], token)
                ended = all(choice.finish_reason for choice in choices) and not call.include_usage
                last: Json = {"system_fingerprint": self.fingerprint} if ended else {}
                yield self._chunk(call, [_delta(index, token, chat=call.chat)], last)
            if call.include_usage:
                end: Json = {"usage": call.usage(choices), "system_fingerprint": self.fingerprint}
                yield self._chunk(call, [], end)
        except EngineDeadError:
            yield _event(broken().body)
        yield b"data: [DONE]\n\n"

    def _chunk(self, call: Call, choices: list[Json], more: Json) -> bytes:
        kind = "chat.completion.chunk" if call.chat else "text_completion"
        head: Json = {"id": call.id, "object": kind, "created": call.created, "model": call.model}
        return _event(head | {"choices": choices} | more)

    def _check_model(self, body: Json) -> None:
        names = self.settings.served_names
        if (name := body.get("model")) and name not in names:
            message = f"The model `{name}` does not exist. Valid aliases: {', '.join(names)}."
            raise Refused(404, "NotFoundError", message, param="model")

    def _limit(self, body: Json, prompt_tokens: int, *, chat: bool) -> int:
        """How many tokens this sequence may get: the smallest of all the limits."""
        longest = self.settings.max_model_len
        if prompt_tokens >= longest:
            raise Refused(
                400,
                "BadRequestError",
                f"This model's maximum context length is {longest} tokens. However, your prompt "
                f"contains {prompt_tokens} input tokens. Please reduce the length of the input "
                f"prompt. (parameter=input_tokens, value={prompt_tokens})",
                param="input_tokens",
            )
        asked = body.get("max_completion_tokens") if chat else None
        asked = body.get("max_tokens") if asked is None else asked
        if asked is None:
            asked = None if chat else _COMPLETION_TOKENS
        elif int(str(asked)) < 1:
            raise invalid("max_tokens", f"max_tokens must be at least 1, got {asked}.", asked)
        limits = (longest - prompt_tokens, asked, self.settings.sampling.get("max_new_tokens"))
        return min(int(str(limit)) for limit in limits if limit is not None)


def chat_prompt(body: Mapping[str, object]) -> str:
    """The text of a chat, in the template of SmolLM2."""
    lines = []
    for message in _list(_need(body, "messages")):
        role, content = message.get("role", "user"), message.get("content") or ""
        if isinstance(content, list):
            content = "".join(str(part.get("text", "")) for part in content)
        lines.append(f"<|im_start|>{role}\n{content}<|im_end|>\n")
    return "".join([*lines, "<|im_start|>assistant\n"])


def _prompts(prompt: object) -> list[tuple[str, int]]:
    """A text, a list of texts, tokens, or a list of them: each with its length in tokens."""
    if isinstance(prompt, str):
        return [_counted(prompt)]
    items = _list(prompt)
    if items and all(isinstance(item, int) for item in items):
        return [(" ".join(map(str, items)), len(items))]
    return [one for item in items for one in _prompts(item)]


def _counted(text: str) -> tuple[str, int]:
    return text, max(1, len(split(text)))


def _grow(choice: Choice, token: Token) -> None:
    choice.text += token["text"]
    choice.tokens += 1
    choice.finish_reason, choice.stop_reason = token["finish_reason"], token["stop_reason"]


def _choice(index: int, choice: Choice, *, chat: bool) -> Json:
    end: Json = {
        "logprobs": None,
        "finish_reason": choice.finish_reason,
        "stop_reason": choice.stop_reason,
        "token_ids": None,
    }
    if not chat:
        more: Json = {"prompt_logprobs": None, "prompt_token_ids": None, "routed_experts": None}
        return {"index": index, "text": choice.text} | end | more
    message: Json = {"role": "assistant", "content": choice.text, "refusal": None}
    message |= {"annotations": None, "audio": None, "function_call": None, "reasoning": None}
    return {"index": index, "message": message} | end | {"routed_experts": None}


def _delta(index: int, token: Token, *, chat: bool) -> Json:
    reason = token["finish_reason"]
    if not chat:
        head: Json = {"index": index, "text": token["text"], "logprobs": None}
        head |= {"finish_reason": reason, "stop_reason": token["stop_reason"]}
        return head | {"prompt_token_ids": None, "token_ids": None}
    delta: Json = {"index": index, "delta": {"content": token["text"]}, "logprobs": None}
    delta["finish_reason"] = reason
    if reason:
        delta["stop_reason"] = token["stop_reason"]
    return delta | {"token_ids": None}


def _event(body: Json) -> bytes:
    return b"data: " + dump(body) + b"\n\n"


def dump(body: Json) -> bytes:
    """JSON as FastAPI writes it."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _need(body: Mapping[str, object], name: str) -> object:
    if name not in body:
        raise missing(name, len(body))
    return body[name]


def _list(value: object) -> list:  # type: ignore[type-arg]
    return value if isinstance(value, list) else [value]
