"""Use case: the JSON Schema of profiles, for editors."""
