"""The JSON Schema of `mixvllm fit --format json`."""

from collections.abc import Mapping
from typing import Final

from mixvllm.forecast.verdict import Cause, Verdict
from mixvllm.services.schema.shapes import Schema

_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_TEXT: Final[Schema] = {"type": "string"}
_NUMBER: Final[Schema] = {"type": "number", "minimum": 0}


def fit_schema() -> Schema:
    """The schema, draft 2020-12. Keys may be added within a version, so none is forbidden."""
    figures = {
        "kv_tokens": _or_null(_COUNT),
        "kv_tokens_range": _or_null(_range(_COUNT)),
        "max_concurrency": _or_null(_NUMBER),
        "max_concurrency_range": _or_null(_range(_NUMBER)),
        "longest_context": _or_null(_COUNT),
        "longest_context_range": _or_null(_range(_COUNT)),
    }
    verdict: Schema = {"enum": [each.value for each in Verdict]}
    document = {
        "format_version": {"const": 1},
        "verdict": verdict,
        "vllm": _TEXT,
        "model": _TEXT,
        "device": {"enum": ["cuda", "cpu"]},
        **figures,
        "max_model_len": _or_null(_COUNT),
        "kv_cache_dtype": _TEXT,
        "max_num_seqs": _COUNT,
        "max_num_batched_tokens": _COUNT,
        "gpu_memory_utilization": _NUMBER,
        "ranks": _list(_rank()),
        "reasons": _list(
            _object(
                {
                    "cause": {"enum": [each.value for each in Cause]},
                    "message": _TEXT,
                    "certain": {"type": "boolean"},
                    "rank": _or_null(_COUNT),
                }
            )
        ),
        "suggestions": _list(
            _object(
                {
                    "kind": _TEXT,
                    "text": _TEXT,
                    "changes": {"type": "object"},
                    "estimate": {"type": "boolean"},
                    "verdict": verdict,
                    **figures,
                }
            )
        ),
        "unknown": _list(_TEXT),
        "profile": _TEXT,
        "host": _TEXT,
        "diagnostics": _list({"type": "object"}),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mixvllm fit --format json",
        **_object(document),
    }


def _rank() -> Schema:
    size: Schema = {"type": "integer"}
    card = {
        "place": _TEXT,
        "name": _or_null(_TEXT),
        "cuda_total_bytes": _or_null(_range(_COUNT)),
        "free_bytes": _or_null(_COUNT),
    }
    use = {
        "name": _TEXT, "low": _COUNT, "high": _COUNT, "in_budget": {"type": "boolean"},
        "why": _TEXT,
    }  # fmt: skip
    return _object(
        {
            "rank": _COUNT,
            "pipeline_stage": _COUNT,
            "card": _or_null(_object(card)),
            "requested_bytes": _or_null(_range(_COUNT)),
            "weights_bytes": _or_null(_COUNT),
            "offloaded_bytes": _COUNT,
            "overhead_bytes": _range(size),
            "overhead": _list(_object(use)),
            "kv_bytes": _or_null(_COUNT),
            "kv_bytes_range": _or_null(_range(_COUNT)),
            "kv_bytes_per_token": _or_null(_NUMBER),
        }
    )


def _object(properties: Mapping[str, object]) -> Schema:
    return {"type": "object", "required": list(properties), "properties": dict(properties)}


def _range(of: Schema) -> Schema:
    return _object({"low": of, "high": of})


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _or_null(of: Schema) -> Schema:
    return {"anyOf": [of, {"type": "null"}]}
