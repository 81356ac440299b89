"""The files of a model on this machine, as vLLM would read them."""
