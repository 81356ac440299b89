"""The toolkit's own HTTP endpoint: whether a run lives, is ready, and its figures."""
