"""The batch sizes, in tokens, that vLLM captures CUDA graphs for.

Read from `config/vllm.py` (_set_cudagraph_sizes) and `config/compilation.py` of 0.12.0 to 0.33.0.
What changed on the way: from 0.13 on speculative tokens count when the largest size is chosen;
from 0.17 on ``--performance-mode interactivity`` takes every size to 32; from 0.20 on the largest
batch itself is a size where it fits; from 0.28 on Blackwell data-centre cards go to 1,024 instead
of 512; from 0.29 on sizes of uniform batches of speculation are added; and from 0.31 on the number
of requests itself.
"""

from collections.abc import Sequence
from typing import Final

from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.memory.deployment import Deployment
from mixvllm.vllm.memory.runner import uses_second_runner
from mixvllm.vllm.table import numbers

_LARGEST: Final = 512
_LARGEST_ON_BLACKWELL: Final = 1024
_BLACKWELL: Final = 10  # compute capability 10.x
_EVERY: Final = 32  # for interactivity, each size up to it


def capture_sizes(
    deployment: Deployment,
    config: ModelConfig,
    *,
    compute_capability: tuple[int, int] | None = None,
    asked: Sequence[int] | None = None,
    largest: int | None = None,
    interactivity: bool = False,
) -> tuple[int, ...]:
    """The sizes, ascending; () when no graphs are captured.

    Args:
        deployment: with the batch as it is settled.
        config: the model's, which decides on the runner.
        compute_capability: of the cards; None: not of Blackwell's data-centre cards.
        asked: ``cudagraph_capture_sizes`` of the profile.
        largest: ``max_cudagraph_capture_size`` of the profile.
        interactivity: ``--performance-mode interactivity``.
    """
    if deployment.enforce_eager or deployment.device == "cpu":
        return ()
    tokens = deployment.max_num_batched_tokens
    if asked is not None:
        return _rounded(tuple(sorted({n for n in asked if n <= tokens})), deployment, config)
    ceiling = _ceiling(deployment, compute_capability)
    query = _query(deployment)
    top = largest or min(deployment.max_num_seqs * query * 2, ceiling)
    top = min(top, tokens)
    sizes = _steps(top)
    if interactivity and _since(deployment, "0.17.0"):
        sizes |= set(range(1, min(top, _EVERY) + 1))
    if _since(deployment, "0.20.0") and tokens <= top:
        sizes.add(tokens)
    if largest is None:
        sizes |= {size for size in _uniform(deployment, query, top, ceiling) if size <= tokens}
    return _rounded(tuple(sorted(sizes)), deployment, config)


def _since(deployment: Deployment, release: str) -> bool:
    return numbers(deployment.release) >= numbers(release)


def _query(deployment: Deployment) -> int:
    """Tokens of one request in a batch that only decodes, as the largest size counts them."""
    return 1 + (deployment.speculative_tokens if _since(deployment, "0.13.0") else 0)


def _ceiling(deployment: Deployment, compute_capability: tuple[int, int] | None) -> int:
    blackwell = compute_capability is not None and compute_capability[0] == _BLACKWELL
    return _LARGEST_ON_BLACKWELL if blackwell and _since(deployment, "0.28.0") else _LARGEST


def _steps(top: int) -> set[int]:
    """1, 2, 4, then each 8 below 256, then each 16."""
    sizes = {1, 2, 4, *range(8, min(top + 1, 256), 8), *range(256, top + 1, 16)}
    return {size for size in sizes if size <= top}


def _uniform(deployment: Deployment, query: int, top: int, ceiling: int) -> set[int]:
    """Sizes of batches in which every request checks as many drafted tokens."""
    seqs = deployment.max_num_seqs
    if query > 1 and _since(deployment, "0.29.0"):
        most = min(seqs, ceiling)
        return {n * query for n in {*_steps(most), most} if n * query <= top}
    if query == 1 and _since(deployment, "0.31.0") and seqs <= top:
        return {seqs}
    return set()


def _rounded(
    sizes: tuple[int, ...], deployment: Deployment, config: ModelConfig
) -> tuple[int, ...]:
    """Sizes of the first model runner are multiples of what a request decodes at once."""
    query = 1 + deployment.speculative_tokens
    if query == 1 or not sizes or uses_second_runner(deployment, config):
        return sizes
    multiples = {-(-size // query) * query for size in sizes}
    return tuple(sorted(n for n in multiples if n <= sizes[-1])) or (query,)
