"""Importing a command quickly. A check that takes 300 ms is run on every save; one of 600 is not.

Three things cost and bring nothing to a command line (measured with pydantic-settings 2.16.3,
pydantic 2.14.3, CPython 3.11, as shares of `mixvllm render-cmd`): asyncio, which
pydantic-settings imports for a feature that is not used here (14 %); pydantic's search for
plugins in every installed distribution (6 % in a small environment, more beside vLLM); and
the garbage collector, which walks the growing heap of modules again and again (5 %).
"""

import gc
import importlib.util
import os
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_PLUGINS: Final = "PYDANTIC_DISABLE_PLUGINS"


@contextmanager
def quick_imports() -> Iterator[None]:
    """Leave the three out while modules are imported; afterwards all is as it was."""
    _import_lazily("asyncio")
    before = os.environ.get(_PLUGINS)
    os.environ[_PLUGINS] = "__all__"
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        if before is None:
            del os.environ[_PLUGINS]
        else:
            os.environ[_PLUGINS] = before


class _Later(types.ModuleType):
    """Stands for a module until something is asked of it; then it becomes that module.

    importlib's own LazyLoader cannot be used: each further `import` of the name asks for
    ``__spec__``, and that alone makes it load (CPython 3.11, `Lib/importlib/util.py`).
    """

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        real = importlib.import_module(self.__name__)
        self.__dict__.update(vars(real))
        return getattr(real, name)


def _import_lazily(name: str) -> None:
    if name not in sys.modules:
        module = _Later(name)
        module.__spec__ = importlib.util.find_spec(name)
        sys.modules[name] = module
