"""Whether a model fits on some cards: vLLM's own arithmetic, and what it leaves open."""
