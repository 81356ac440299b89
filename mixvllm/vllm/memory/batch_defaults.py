"""How many requests and tokens a batch has when a profile says nothing.

Read from `engine/arg_utils.py` of 0.12.0 to 0.33.0 (get_batch_defaults and
_set_default_max_num_seqs_and_batched_tokens_args). What changed on the way: from 0.17 on
``--performance-mode throughput`` doubles both; from 0.20 on data-parallel experts that exchange
tokens in batches take 256 tokens; from 0.28 on cards of 160 GiB and more take 16,384; from 0.33 on
a GB10 counts as a small card in spite of its memory.
"""

from typing import Final, NamedTuple

from mixvllm.vllm.table import numbers

_GIB: Final = 2**30
_LARGE: Final = 70 * _GIB
_HUGE: Final = 160 * _GIB
_HUGE_SINCE: Final = "0.28.0"
_GB10: Final = (12, 1)
_GB10_SINCE: Final = "0.33.0"
_DOUBLED_SINCE: Final = "0.17.0"
# Before it a batch held a whole prompt of the longest length, unless that was over 32k, when
# prompts were cut in chunks of 2048; and 256 requests, whatever the card.
_ENGINE_V1: Final = "0.8.0"
_LONG: Final = 32768


class BatchDefaults(NamedTuple):
    """What a release takes."""

    max_num_seqs: int
    max_num_batched_tokens: int


def batch_defaults(
    release: str,
    *,
    card_total: int | None,
    card_name: str,
    device: str = "cuda",
    ranks: int = 1,
    compute_capability: tuple[int, int] | None = None,
) -> BatchDefaults:
    """What `vllm serve` starts from, before the model's length is looked at.

    Args:
        release: of vLLM.
        card_total: NVML's total of card 0 in bytes; None where it cannot be read, which counts as
            a small card, as in vLLM.
        card_name: e.g. ``NVIDIA A100-SXM4-80GB``: A100s are small cards, whatever they hold.
        device: ``cuda`` or ``cpu``.
        ranks: tensor times pipeline parallelism; a batch on CPUs grows with them.
        compute_capability: of card 0.
    """
    if device == "cpu":
        return BatchDefaults(128 * ranks, 2048 * ranks)
    total = 0 if _is_first_engine(release) else card_total or 0
    if total >= _HUGE and numbers(release) >= numbers(_HUGE_SINCE):
        return BatchDefaults(1024, 16384)
    gb10 = compute_capability == _GB10 and numbers(release) >= numbers(_GB10_SINCE)
    if total >= _LARGE and "a100" not in card_name.lower() and not gb10:
        return BatchDefaults(1024, 8192)
    return BatchDefaults(256, 2048)


def resolve_batch(
    release: str,
    defaults: BatchDefaults,
    *,
    max_num_seqs: int | None,
    max_num_batched_tokens: int | None,
    max_model_len: int | None,
    chunked_prefill: bool = True,
    throughput: bool = False,
) -> BatchDefaults:
    """Both figures as vLLM settles them.

    Args:
        release: of vLLM.
        defaults: of the card, from :func:`batch_defaults`.
        max_num_seqs: the profile's; None: not set.
        max_num_batched_tokens: the profile's; None: not set.
        max_model_len: in tokens; None: not known yet, and bounds nothing.
        chunked_prefill: off, a batch holds at least one request of the longest length.
        throughput: ``--performance-mode throughput``.
    """
    twice = 2 if throughput and numbers(release) >= numbers(_DOUBLED_SINCE) else 1
    seqs = max_num_seqs or defaults.max_num_seqs * twice
    tokens = max_num_batched_tokens
    if tokens is None:
        tokens = defaults.max_num_batched_tokens * twice
        if max_model_len is not None:
            whole = _is_first_engine(release) and max_model_len <= _LONG
            if whole or not chunked_prefill:
                tokens = max(tokens, max_model_len)
            tokens = min(seqs * max_model_len, tokens)
    if max_num_seqs is None:
        seqs = min(seqs, tokens)
    return BatchDefaults(seqs, tokens)


def _is_first_engine(release: str) -> bool:
    return numbers(release) < numbers(_ENGINE_V1)
