"""What would make it fit, or hold more: each change is tried by making the forecast again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from mixvllm.forecast.cards import sold_as
from mixvllm.forecast.forecast import Forecast, Question, forecast
from mixvllm.forecast.verdict import Cause, Verdict
from mixvllm.vllm.checkpoint.config import ModelConfig

_WORTH: Final = 1.1  # times the tokens
_MOST: Final = 5
_UTILISATION: Final = 0.95
_LOWER: Final = (0.95, 0.9, 0.85, 0.8)
_SEQUENCES: Final = 64
_BATCHED: Final = 2048
_STEP: Final = 1024  # tokens that a context is rounded down to
_SHORTEST: Final = 1024
_FP8: Final = (8, 9)  # the first compute capability with a KV cache of fp8 in the usual backends
_RANK: Final = {Verdict.FITS: 0, Verdict.CANNOT_TELL: 1, Verdict.DOES_NOT_FIT: 2}
# What is sold, and what CUDA calls its memory, in GiB: vLLM's logs have the latter (T4, L4 and
# B200 are NVML's total less 3 %, which is more than any log has shown).
_SOLD: Final = (
    ("16 GiB", 16, 14.5), ("24 GiB", 24, 21.8), ("32 GiB", 32, 30.9), ("40 GiB", 40, 39.3),
    ("48 GiB", 48, 44.3), ("80 GiB", 80, 79.1), ("96 GiB", 96, 94.9), ("141 GiB", 141, 139.7),
    ("180 GiB", 180, 173.0),
)  # fmt: skip


@dataclass(frozen=True)
class Suggestion:
    """A change, and the forecast with it."""

    kind: str
    changes: Mapping[str, object]  # vLLM's options by their long names; empty: none is changed
    what: str  # in words
    then: Forecast
    estimate: bool = False  # the weights are not those of a checkpoint that is at hand


def suggestions(now: Forecast) -> tuple[Suggestion, ...]:
    """What helps: what surely fits before what may, the harmless before the rest."""
    if not now.cards:
        return tuple(_cards_that_would_do(now))
    every = tuple(_changes(now))
    tried = [one for one in every if _RANK[one.then.verdict] < _RANK[now.verdict]]
    if now.verdict is not Verdict.FITS and all(_RANK[one.then.verdict] for one in tried):
        tried += [shorter for one in every if (shorter := _shortened(one)) is not None]
    elif now.verdict is Verdict.FITS:
        tried = [one for one in every if _holds_more(now, one.then)]
    tried.sort(key=lambda one: _RANK[one.then.verdict])  # stable: their order is that of harm
    kept: dict[str, Suggestion] = {}
    for one in tried:
        kept.setdefault(one.kind, one)
    return tuple(kept.values())[:_MOST]


def _holds_more(now: Forecast, then: Forecast) -> bool:
    if now.tokens is None or then.tokens is None or _RANK[then.verdict] > _RANK[now.verdict]:
        return False
    return then.tokens.low >= max(1, now.tokens.low * _WORTH)


def _changes(now: Forecast) -> Iterator[Suggestion]:
    """The changes of one thing, the least harmful first."""
    deployment, question = now.deployment, now.question
    given = deployment.kv_cache_memory_bytes is not None
    if not given:
        for share in _shares_to_try(now):
            yield _try(question, "gpu_memory_utilization", share)
    yield from _more_cards(now)
    if _fp8_can(now):
        yield _try(question, "kv_cache_dtype", "fp8")
    if not given and deployment.device != "cpu":
        if deployment.max_num_batched_tokens > _BATCHED:
            yield _try(question, "max_num_batched_tokens", _BATCHED)
        if deployment.max_num_seqs > _SEQUENCES:
            yield _try(question, "max_num_seqs", _SEQUENCES)
        if not deployment.enforce_eager:
            yield _try(question, "enforce_eager", True)
    length = _rounded(now)
    if length is not None:
        yield _try(question, "max_model_len", length)
    smaller = question.model.in_four_bits()
    if smaller is not None and not given:
        then = forecast(replace(question, model=smaller))
        yield Suggestion("quantization", {}, "a 4-bit checkpoint (AWQ, GPTQ)", then, estimate=True)


def _shares_to_try(now: Forecast) -> Iterator[float]:
    """More of the card; or less, where others are there or something comes on top."""
    share = now.deployment.gpu_memory_utilization
    causes = {reason.cause for reason in now.reasons}
    if Cause.OTHERS in causes:
        free = min(
            ((card.free or 0) / card.total.high for card in now.cards if card.total), default=0.0
        )
        if (less := int(free * 100) / 100) > 0:
            yield less
    elif Cause.CARD in causes:
        yield from (less for less in _LOWER if less < share)
    elif share < _UTILISATION:
        yield _UTILISATION


def _try(question: Question, option: str, value: object) -> Suggestion:
    changes = {option.replace("_", "-"): value}
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    return Suggestion(
        option, changes, f"{option} {shown}", forecast(question.but(**{option: value}))
    )


def _more_cards(now: Forecast) -> Iterator[Suggestion]:
    """More ranks of tensor parallelism, as the heads allow and the cards are there."""
    deployment = now.deployment
    if deployment.device == "cpu" or deployment.kv_cache_memory_bytes is not None:
        return
    per_size = deployment.ranks * now.question.asked.copies // deployment.tensor_parallel
    size = deployment.tensor_parallel * 2
    while size * per_size <= len(now.question.cards):
        if _shares(now.question.model.config, size):
            yield _try(now.question, "tensor_parallel_size", size)
        size *= 2


def _shares(config: ModelConfig, size: int) -> bool:
    """Whether the heads can be shared out among so many ranks."""
    heads, kv_heads = config.heads, config.kv_heads
    if heads is None or kv_heads is None or heads % size:
        return False
    return kv_heads % size == 0 if kv_heads >= size else size % kv_heads == 0


def _fp8_can(now: Forecast) -> bool:
    if now.deployment.kv_cache_dtype not in ("auto", "bfloat16", "float16"):
        return False
    return all(card.capability is not None and card.capability >= _FP8 for card in now.cards)


def _rounded(now: Forecast) -> int | None:
    """A context that surely fits, where the one that is asked for does not."""
    asked = now.deployment.max_model_len
    if now.longest is None or asked is None or now.deployment.fit_max_model_len:
        return None
    if now.longest.low >= asked:
        return None
    length = now.longest.low // _STEP * _STEP
    return length if length >= _SHORTEST else None


def _shortened(one: Suggestion) -> Suggestion | None:
    """The same change with a shorter context on top."""
    length = _rounded(one.then)
    if length is None or "max-model-len" in one.changes:
        return None
    then = forecast(one.then.question.but(max_model_len=length))
    if then.verdict is not Verdict.FITS:
        return None
    changes = {**one.changes, "max-model-len": length}
    return replace(one, changes=changes, what=f"{one.what} and max_model_len {length}", then=then)


def _cards_that_would_do(now: Forecast) -> Iterator[Suggestion]:
    """Where no card is known: the smallest that are sold on which it surely fits, one card for
    each rank, and twice to eight times as many.
    """
    deployment = now.deployment
    if deployment.device == "cpu" or now.reasons:
        return
    for times in (1, 2, 4, 8):
        size = deployment.tensor_parallel * times
        if times > 1 and not _shares(now.question.model.config, size):
            continue
        question = now.question if times == 1 else now.question.but(tensor_parallel_size=size)
        count = deployment.ranks * now.question.asked.copies * times
        for name, gib, total in _SOLD:
            card = sold_as(name, gib, total)
            then = forecast(replace(question, cards=(card,) * count, offer=None))
            if then.verdict is Verdict.FITS:
                words = f"{count} card{'s' * (count > 1)} of {name}"
                changes = {} if times == 1 else {"tensor-parallel-size": size}
                yield Suggestion("cards", changes, words, then)
                break
