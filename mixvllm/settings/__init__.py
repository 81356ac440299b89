"""The profile and the one settings layer: command line > environment > YAML > defaults."""
