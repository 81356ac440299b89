"""vLLM's sources followed without running them: what a function would answer, or that this
cannot be told.

Whether a backend takes a card is code in vLLM, not a table. Its functions are small: comparisons,
early returns, lists. They are followed here with the values that are known (the card, a name of a
data type) and with `UNKNOWN` for everything else: another setting, a package that may be missing.
What does not depend on the unknown comes out certain; everything else comes out `UNKNOWN`, and
nothing is said of it.
"""
