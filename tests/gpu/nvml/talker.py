"""A process that calls the double through nvidia-ml-py: an expression a line on stdin.

``card(0)`` and ``part(0, 2)`` are handles; everything of ``pynvml`` is there by its name. The
answer is ``{"value": ...}``, or ``{"error": ...}`` with the name of the exception.
"""

import ctypes
import json
import sys

import pynvml


def card(index: int) -> object:
    return pynvml.nvmlDeviceGetHandleByIndex(index)


def part(index: int, number: int) -> object:
    return pynvml.nvmlDeviceGetMigDeviceHandleByIndex(card(index), number)


def plain(value: object) -> object:
    """As JSON can carry it."""
    if isinstance(value, ctypes.Structure):
        names = [field[0] for field in value._fields_]
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, ctypes.Array | list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode()
    if hasattr(value, "__dict__"):  # what the binding calls a friendly object
        return {name: plain(item) for name, item in vars(value).items()}
    return value


def main() -> None:
    names: dict[str, object] = {**vars(pynvml), "card": card, "part": part, "ctypes": ctypes}
    for line in sys.stdin:
        try:
            value = eval(json.loads(line), names)  # noqa: S307  the test's own words
            answer = {"value": plain(value)}
        except (pynvml.NVMLError, pynvml.NVMLLibraryMismatchError) as error:
            answer = {"error": type(error).__name__}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
