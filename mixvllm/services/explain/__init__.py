"""Use case: what a word of a profile means, who set it, and what was overridden."""
