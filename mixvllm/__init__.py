"""mixvllm: the operator's toolkit for vLLM.

One YAML profile goes in; a vLLM service that is checked, explained, supervised
and watched comes out. The command line is the public interface; ``docs/`` shows it.
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
