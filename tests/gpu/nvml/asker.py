"""The process that asks the NVML double: a request a line on stdin, an answer a line on stdout."""

import json
import sys
import traceback

from mixvllm.gpu.patience import Patience
from mixvllm.gpu.process import Scope
from mixvllm.gpu.watch import Watch
from mixvllm.services.inventory import take_inventory


def main() -> None:
    watch: Watch | None = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            value: object = None
            match request["do"]:
                case "inventory":
                    scope = Scope(**request["scope"])
                    patience = Patience(**request["patience"])
                    value = take_inventory(scope, patience=patience).as_json()
                case "watch":
                    if watch is not None:
                        watch.close()
                    watch = Watch(Scope(**request["scope"]))
                case "look":
                    assert watch is not None
                    value = watch.look().as_json()
            answer: dict[str, object] = {"value": value}
        except Exception:  # noqa: BLE001  the test that asked fails with it
            answer = {"error": traceback.format_exc()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
