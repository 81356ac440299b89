"""The table of the cards' metrics in docs/ops.md."""

from mixvllm.ops.exposition import OF_A_CARD, name_of


def table() -> str:
    """One line for each figure of a card."""
    rows = (f"| `{name_of(f)}` | `DCGM_FI_DEV_{f.field}` | {f.help} |" for f in OF_A_CARD)
    return "\n".join(("| name | DCGM's | means |", "|---|---|---|", *rows, ""))
