"""The tables of docs/capabilities.md: what the newest release that is known does on which card."""

from collections.abc import Iterator
from typing import Final

from mixvllm.vllm.capabilities import (
    DTYPES,
    Backend,
    Capabilities,
    Capability,
    capabilities,
    cards,
)
from mixvllm.vllm.options import newest

# A card of each generation, so that the tables stay readable.
_SHOWN: Final[tuple[Capability, ...]] = (
    (7, 0), (7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (10, 0), (12, 0),
)  # fmt: skip
_SIGNS: Final = {True: "yes", False: "-", None: "?"}
_KV: Final = ("auto", "fp8", "fp8_e5m2", "nvfp4", "int8_per_token_head")


def methods() -> str:
    """The methods of quantisation."""
    able = _newest()
    rows = ["| method | from | float16 | bfloat16 | float32 | |", "|---|---|---|---|---|---|"]
    for name in sorted(able.methods):
        method = able.method(name)
        assert method is not None
        least = "?" if method.least is None else f"{method.least // 10}.{method.least % 10}"
        works = " | ".join(_SIGNS[method.works_in(dtype, (9, 0))] for dtype in DTYPES)
        rows.append(f"| {name} | {least} | {works} | {'deprecated' * method.deprecated} |")
    return "\n".join(rows) + "\n"


def backends() -> str:
    """The attention backends, and the cards that each works on."""
    able = _newest()
    rows = [
        f"| backend | {' | '.join(map(_card, _SHOWN))} | for |",
        f"|---|{'---|' * len(_SHOWN)}---|",
    ]
    for name in sorted(able.backends):
        works = [_on(able, name, card) for card in _SHOWN]
        signs = " | ".join(_SIGNS[backend.takes_card()] for backend in works)
        rows.append(f"| {name} | {signs} | {_kind(works[0])} |")
    return "\n".join(rows) + "\n"


def caches() -> str:
    """Which backends read which KV cache, by card, in the order in which they are tried."""
    able = _newest()
    rows = [f"| card | {' | '.join(_KV)} |", f"|---|{'---|' * len(_KV)}"]
    for card in _SHOWN:
        cells = (", ".join(_readers(able, card, kv)) or "nothing" for kv in _KV)
        rows.append(f"| {_card(card)} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _readers(able: Capabilities, card: Capability, kv: str) -> Iterator[str]:
    for backend in able.tried(card, mla=False) or ():
        answers = (backend.takes_card(), backend.takes_kv(kv))
        if False not in answers and backend.makes_layers(kv) is not False:
            yield backend.name + "?" * (None in answers)


def _newest() -> Capabilities:
    able = capabilities(newest())
    assert able is not None
    assert set(_SHOWN) <= set(cards())
    return able


def _on(able: Capabilities, name: str, card: Capability) -> Backend:
    backend = able.backend(name, card)
    assert backend is not None
    return backend


def _kind(backend: Backend) -> str:
    sparse = "sparse attention" if backend.is_sparse else ""
    return ", ".join(filter(None, ("MLA" if backend.is_mla else "", sparse)))


def _card(card: Capability) -> str:
    return f"{card[0]}.{card[1]}"
