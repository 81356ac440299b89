"""What vLLM needs of a card's memory, by its own arithmetic: weights, KV cache, the rest.

Pure functions of a model's configuration and of a
:class:`~mixvllm.vllm.memory.deployment.Deployment`.
"""
