"""Use case: check profiles, mend what is certain, and report it."""
