"""Use case: what changes for a profile between two releases of vLLM."""
