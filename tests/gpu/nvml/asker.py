"""The process that asks the NVML double: a request a line on stdin, an answer a line on stdout."""

import json
import sys
import traceback
from dataclasses import asdict
from pathlib import Path

from mixvllm.gpu.patience import Patience
from mixvllm.gpu.sample import CardSampler
from mixvllm.services.inventory import take_inventory


def main() -> None:
    sampler: CardSampler | None = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            value: object = None
            match request["do"]:
                case "inventory":
                    patience = Patience(**request["patience"])
                    proc = Path(request["proc"])
                    value = take_inventory(proc=proc, patience=patience).as_json()
                case "open_sampler":
                    if sampler is not None:
                        sampler.close()
                    sampler = CardSampler.open(request["indices"])
                case "sample":
                    assert sampler is not None
                    value = [asdict(card) for card in sampler.sample()]
            answer: dict[str, object] = {"value": value}
        except Exception:  # noqa: BLE001  the test that asked fails with it
            answer = {"error": traceback.format_exc()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
