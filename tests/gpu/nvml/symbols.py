"""Which functions an NVML library has: those of its header, or of the time of a driver.

A function that the double does not play is there all the same and answers NOT_SUPPORTED, as a
driver does for a card that lacks the thing. A function that came later than the driver is not
there: the binding then raises FunctionNotFound.

``series/NAME.txt`` are the names that came with a driver's series; each file is read together
with those of the older ones. Where the names are from stands in their first lines.
"""

import re
from importlib.metadata import files
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent / "series"
SERIES: Final = ("r470", "r535.54")  # the oldest first

_STUB: Final = """\
int answer_stub(const char *function, void *first);
#define STUB(name) \\
    __attribute__((weak)) int name(void *first) { return answer_stub(#name, first); }
"""


def header() -> Path:
    """``nvml.h`` of the package nvidia-nvml-dev."""
    (found,) = (path for path in files("nvidia-nvml-dev") or () if path.name == "nvml.h")
    return Path(str(found.locate()))


def declared() -> set[str]:
    """All functions of the header, the names without a version included."""
    text = header().read_text("utf-8")
    return set(re.findall(r"DECLDIR\s+(?:\w+\s*\*\s*)?(nvml\w+)\s*\(", text))


def of_series(series: str) -> set[str]:
    """The functions that a driver of that series has."""
    names: set[str] = set()
    for name in SERIES[: SERIES.index(series) + 1]:
        lines = (HERE / f"{name}.txt").read_text().splitlines()
        names |= {line for line in lines if not line.startswith("#")}
    return names


def stubs() -> str:
    """C: every function of the header, to be overridden by those that are played."""
    return _STUB + "".join(f"STUB({name})\n" for name in sorted(declared()))


def version_script(names: set[str]) -> str:
    """For the linker: these functions are seen from outside, and nothing else."""
    return "{ global: " + " ".join(f"{name};" for name in sorted(names)) + " local: *; };\n"
