"""From settings to what is run: vLLM's command line, and the ways to write it down."""
