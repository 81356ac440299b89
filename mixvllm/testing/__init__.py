"""Test doubles that are real: processes, files and sockets, never mocks.

Users rehearse with them too; ``python -m mixvllm.testing.fake_vllm serve MODEL`` takes
vLLM's place as ``vllm.command``. Nothing of the product imports this package.
"""
