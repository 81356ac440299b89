"""Write the inventories that ship for `--host NAME`: ``python -m mixvllm.testing.record_hosts``.

In a checkout alone: they are what our own collector reads from the NVML double of the tests,
playing the machine with nothing running on it.
"""

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mixvllm.gpu.process import Scope
from mixvllm.services.inventory import HOSTS, take_inventory

# name of the machine -> scenario, watts of a card at rest
MACHINES: Final = {
    "1xT4": ("one-t4", 10),
    "2x3090": ("two-3090", 22),
    "4xA100-40": ("four-a100-40", 52),
    "8xH100": ("eight-h100", 71),
    "8xH200": ("eight-h200", 76),
    "H100-MIG": ("h100-mig", 71),
    "GB10": ("gb10", 4),
    "mixed": ("mixed", 20),
}
_TAKEN_AT: Final = datetime(2026, 11, 22, tzinfo=UTC)


def record(name: str, library: Path, folder: Path) -> str:
    """The file of one machine. ``library`` is the double, ``folder`` is for its scenario."""
    from tests.gpu.nvml.playing import scenario_text

    scenario, watts = MACHINES[name]
    text = scenario_text(scenario)
    played = folder / "scenario.txt"
    played.write_text("\n".join([text, *_at_rest(text, watts), ""]), encoding="utf-8")
    before = dict(os.environ)
    os.environ.update(LD_LIBRARY_PATH=str(library.parent), NVML_DOUBLE_SCENARIO=str(played))
    try:
        inventory = take_inventory(
            Scope(links=True, proc=str(folder), sys=str(folder), kmsg=os.devnull),
            now=lambda: _TAKEN_AT,
        )
    finally:
        os.environ.clear()
        os.environ.update(before)
    return json.dumps(inventory.as_json(), indent=1) + "\n"


def _at_rest(text: str, watts: int) -> Iterator[str]:
    """Lines that take the load off every card and slice."""
    count = re.findall(r"^gpus=(\d+)$", text, re.MULTILINE)[-1]
    load: dict[str, int | str] = {"util_gpu": 0, "util_memory": 0, "compute": "", "graphics": ""}
    load |= {"memory_used": 0, "temperature": 31, "power_mw": 1000 * watts}
    load |= {"throttle": 1, "pcie_replays": 0}
    for index in range(int(count)):
        for key, value in load.items():
            if re.search(rf"^(\*|{index})\.{key}=", text, re.MULTILINE):
                yield f"{index}.{key}={value}"
    for place in set(re.findall(r"^(\d+\.mig\.\d+)\.", text, re.MULTILINE)):
        yield from (f"{place}.memory_used=0", f"{place}.compute=", f"{place}.graphics=")


def main() -> int:
    """Write them all."""
    from tests.gpu.nvml.playing import build

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        library = build(folder)
        for machine in MACHINES:
            (HOSTS / f"{machine}.json").write_text(
                record(machine, library, folder), encoding="utf-8"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
