"""The document of `mixvllm fit --format json`, as docs/json.md describes it."""

from collections.abc import Sequence

from mixvllm.forecast.budget import RankBudget
from mixvllm.forecast.forecast import Forecast
from mixvllm.forecast.interval import Interval
from mixvllm.forecast.suggestions import Suggestion
from mixvllm.settings.fields import all_fields

FORMAT_VERSION = 1


def document(forecast: Forecast, suggestions: Sequence[Suggestion]) -> dict[str, object]:
    """One number is the careful end of its range; what is not known is null, and named."""
    deployment = forecast.deployment
    return {
        "format_version": FORMAT_VERSION,
        "verdict": forecast.verdict.value,
        "vllm": deployment.release,
        "model": forecast.question.model.name,
        "device": deployment.device,
        **figures(forecast),
        "max_model_len": deployment.max_model_len,
        "kv_cache_dtype": deployment.kv_cache_dtype,
        "max_num_seqs": deployment.max_num_seqs,
        "max_num_batched_tokens": deployment.max_num_batched_tokens,
        "gpu_memory_utilization": deployment.gpu_memory_utilization,
        "ranks": [_rank(forecast, number, rank) for number, rank in enumerate(forecast.ranks)],
        "reasons": [
            {"cause": r.cause.value, "message": r.text, "certain": r.certain, "rank": r.rank}
            for r in forecast.reasons
        ],
        "suggestions": [_suggestion(each) for each in suggestions],
        "unknown": list(forecast.unknown),
    }


def figures(forecast: Forecast) -> dict[str, object]:
    """What the cache holds."""
    concurrency = forecast.concurrency
    return {
        "kv_tokens": _least(forecast.tokens),
        "kv_tokens_range": _range(forecast.tokens),
        "max_concurrency": None if concurrency is None else round(concurrency[0], 2),
        "max_concurrency_range": None
        if concurrency is None
        else {"low": round(concurrency[0], 2), "high": round(concurrency[1], 2)},
        "longest_context": _least(forecast.longest),
        "longest_context_range": _range(forecast.longest),
    }


def _rank(forecast: Forecast, number: int, rank: RankBudget) -> dict[str, object]:
    layout = forecast.layouts[number] if forecast.layouts else None
    card = rank.card
    return {
        "rank": number,
        "pipeline_stage": rank.stage,
        "card": None
        if card is None
        else {
            "place": card.place,
            "name": card.name or None,
            "cuda_total_bytes": _range(card.total),
            "free_bytes": card.free,
        },
        "requested_bytes": _range(rank.requested),
        "weights_bytes": rank.weights,
        "offloaded_bytes": rank.offloaded,
        "overhead_bytes": rank.taken.as_json(),
        "overhead": [
            {
                "name": part.name,
                "low": part.low,
                "high": part.high,
                "in_budget": part.in_budget,
                "why": part.why,
            }
            for part in rank.overhead.parts
        ],
        "kv_bytes": None if rank.kv is None else max(0, rank.kv.low),
        "kv_bytes_range": None
        if rank.kv is None
        else Interval(max(0, rank.kv.low), max(0, rank.kv.high)).as_json(),
        "kv_bytes_per_token": None if layout is None else layout.bytes_per_token,
    }


def _suggestion(each: Suggestion) -> dict[str, object]:
    return {
        "kind": each.kind,
        "text": each.what,
        "changes": {key_of(option): value for option, value in each.changes.items()},
        "estimate": each.estimate,
        "verdict": each.then.verdict.value,
        **figures(each.then),
    }


def key_of(option: str) -> str:
    """The profile's key of a vLLM option: ``inference.kv_cache_dtype``."""
    named = (".".join(map(str, f.path)) for f in all_fields() if f.engine_option == option)
    return next(named, f"vllm.args.{option}")


def _least(interval: Interval | None) -> int | None:
    return None if interval is None else interval.low


def _range(interval: Interval | None) -> dict[str, int] | None:
    return None if interval is None else interval.as_json()
