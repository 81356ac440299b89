"""`gpus --watch`: a screen on a terminal, a line for each change elsewhere, or documents."""

import json
import os
import sys
import time

from mixvllm.cli.run.gpus import Arguments, as_cuda_sees, document
from mixvllm.cli.run.gpus_looks import Looks, look, wanted
from mixvllm.cli.run.gpus_screen import GpusScreen
from mixvllm.cli.text.gpus_watch import changes
from mixvllm.gpu.inventory import GpuInventory
from mixvllm.gpu.watch import Watch


def watch(arguments: Arguments) -> int:
    """Until `q`, Ctrl-C or a signal; the exit code. Cards that go, and a driver that goes, are
    waited for.
    """
    shows_screen = sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "")
    with Watch() as eyes:
        if arguments.as_json or not shows_screen:
            return _tell(eyes, arguments)
        with Looks(eyes, arguments.seconds) as looks:
            return GpusScreen(arguments, looks).run()


def _tell(eyes: Watch, arguments: Arguments) -> int:
    before: GpuInventory | None = None
    due = time.monotonic()
    while True:
        now = wanted(look(eyes), arguments, before)
        if arguments.as_json:
            print(json.dumps(document(now, as_cuda_sees(now))), flush=True)
        else:
            for text in changes(before, now):
                print(text, flush=True)
        before = now
        due = max(due + arguments.seconds, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
