"""Run by the Python that has vLLM: lists of words in, what its parser makes of them out.

Each line in is ``[destination, [word, ...]]``, each out ``{"value": ...}`` or ``{"error": ...}``.
Config classes come back as the mapping of their fields.
"""

import contextlib
import dataclasses
import enum
import importlib
import io
import json
import sys
from pathlib import Path


def plain(value: object) -> object:
    if dataclasses.is_dataclass(value):
        return {f.name: plain(getattr(value, f.name, None)) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value) if isinstance(value, Path) else {"object": type(value).__name__}


def main() -> None:
    answers = sys.stdout
    sys.stdout = sys.stderr  # vLLM may write to it
    sys.argv = ["vllm"]
    platforms = importlib.import_module("vllm.platforms")
    cpu = importlib.import_module("vllm.platforms.cpu").CpuPlatform()
    vars(platforms)["_current_platform"] = cpu
    parser_class = importlib.import_module("vllm.utils.argparse_utils").FlexibleArgumentParser
    parser = importlib.import_module("vllm.entrypoints.cli.serve").make_arg_parser(parser_class())
    for line in sys.stdin:
        destination, words = json.loads(line)
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                parsed = parser.parse_args(["some/model", *words])
            # A word that ended up as the model is as wrong as a wrong value.
            stray = parsed.model_tag != "some/model"
            missing = {"object": "absent"}  # an option whose default is not to be there at all
            value = plain(getattr(parsed, destination, missing))
            answer = {"error": "the model"} if stray else {"value": value}
        except SystemExit:
            answer = {"error": said.getvalue().rpartition("error: ")[2]}
        except Exception as error:  # noqa: BLE001 - any failure is an answer here
            answer = {"error": repr(error)}
        answers.write(json.dumps(answer) + "\n")


main()
