"""Use case: a first profile of a model."""
