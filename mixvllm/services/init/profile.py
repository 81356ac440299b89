"""Use case: a first profile of a model, fitted to this machine.

Only what was read is written; what could not be is a comment that says so, and nothing is asked
of the network.
"""

import json
import os
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mixvllm.core.errors import MachineFault, UsageFault
from mixvllm.gpu.inventory import Gpu, GpuInventory
from mixvllm.services.init.cards import cards_in_words, equal_cards, shared_by
from mixvllm.settings.paths import is_local_path, local_path
from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.checkpoint.folder import Checkpoint, read_checkpoint
from mixvllm.vllm.checkpoint.hub_cache import cache_folder, snapshot

_SCHEMA: Final = "mixvllm.schema.json"
_PLAIN: Final = re.compile(r"[A-Za-z./~][\w./~-]*[A-Za-z_./~-]", re.ASCII)
_YAML_WORDS: Final = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_NO_WEIGHTS: Final = ""  # as a load format: do not look for any
_HALF: Final = {"bfloat16", "float16"}
_BFLOAT16: Final = (8, 0)  # the first compute capability that has it


@dataclass(frozen=True, slots=True)
class Machine:
    """What the profile is fitted to."""

    environ: Mapping[str, str]
    inventory: GpuInventory
    release: str  # of vLLM
    is_sure: bool  # whether that release is here, or was asked for


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a section; what is not set is there as a comment."""

    text: str
    is_set: bool = True


_SERVER: Final = (
    Line("host: 127.0.0.1  # this machine alone; set a key before 0.0.0.0"),
    Line("api_key_file: /path/to/a/file/that/holds/it", is_set=False),
    Line("port: 8000"),
)


def draft(model: str, folder: Path, machine: Machine) -> str:
    """The text of a profile that will stand in ``folder``.

    Raises:
        MachineFault: the model is a folder that is not there.
        UsageFault: no model can have that name.
    """
    name = _name(model, folder)
    found = _checkpoint(model, machine.environ)
    return "".join(f"{line}\n" for line in _lines(model, name, found, machine))


def _name(model: str, folder: Path) -> str:
    """The name as the profile has it: a relative folder is seen from the profile's own."""
    if not model.strip() or not model.isprintable() or model.startswith("-") or "${" in model:
        raise UsageFault(f"no model has the name {model!a}", hint="e.g. Qwen/Qwen3-8B, or ./folder")
    there = _is_folder(model)
    if not is_local_path(model) and not there:
        return model
    if not there:
        raise MachineFault(f"there is no folder {model}", hint="a model of the hub is ORG/NAME")
    if model.startswith(("/", "~")):
        return model
    seen = os.path.relpath(model, folder)
    return seen if seen.startswith("..") else f"./{seen}"


def _is_folder(model: str) -> bool:
    try:
        return local_path(model, Path()).is_dir()
    except OSError:
        return False


def _checkpoint(model: str, environ: Mapping[str, str]) -> Checkpoint | None:
    """The model's files, where they are here."""
    if _is_folder(model):
        return read_checkpoint(local_path(model, Path()), fetched=False, load_format=_NO_WEIGHTS)
    cache = cache_folder(environ)
    folder = None if cache is None else snapshot(cache, model, None)
    if folder is None:
        return None
    return read_checkpoint(folder, fetched=True, load_format=_NO_WEIGHTS)


def _lines(model: str, name: str, found: Checkpoint | None, machine: Machine) -> Iterator[str]:
    yield f"# yaml-language-server: $schema={_SCHEMA}"
    yield f"# An editor reads that file; `mixvllm schema --output {_SCHEMA}` writes it."
    yield "#"
    yield from textwrap.wrap(
        cards_in_words(machine.inventory), 80, initial_indent="# ", subsequent_indent="# ",
        break_on_hyphens=False,
    )  # fmt: skip
    yield "version: 1"
    yield ""
    config = None if found is None else found.config
    yield from _section("model", _model(model, name, config))
    yield ""
    group = equal_cards(machine.inventory)
    yield from _section("inference", _inference(config, group, machine))
    size = shared_by(None if config is None else config.heads, group)
    if size is not None and size < len(machine.inventory.gpus):
        yield ""
        chosen = ", ".join(str(gpu.index) for gpu in group[:size])
        numbered = f"select: [{chosen}]  # as `mixvllm gpus` numbers them"
        yield from _section("gpus", [Line(numbered)])
    yield ""
    yield from _section("server", _SERVER)
    yield ""
    yield from _section("vllm", _vllm(machine))


def _section(name: str, lines: Iterable[Line]) -> Iterator[str]:
    """A section; one in which nothing is set is a comment as a whole."""
    held = list(lines)
    if any(line.is_set for line in held):
        yield f"{name}:"
        yield from (f"  {line.text}" if line.is_set else f"  # {line.text}" for line in held)
    else:
        yield f"# {name}:"
        yield from (f"#   {line.text}" for line in held)


def _model(model: str, name: str, config: ModelConfig | None) -> Iterator[Line]:
    yield Line(f"name: {_quoted(name)}")
    own = Path(os.path.realpath(local_path(model, Path()))).name if is_local_path(name) else ""
    if own:
        yield Line(f"served_name: {_quoted(own)}  # what clients ask for")
    if config is not None and config.remote_code:
        why = "the model brings code of its own: read it first"
        yield Line(f"trust_remote_code: true  # {why}", is_set=False)


def _vllm(machine: Machine) -> Iterator[Line]:
    why = (
        "the release that this is checked against"
        if machine.is_sure
        else "no vLLM was found here: name the one you will use"
    )
    yield Line(f"version: {machine.release}  # {why}", is_set=machine.is_sure)
    tells = "any option of `vllm serve`; `mixvllm explain NAME` tells of it"
    yield Line(f"args:  # {tells}", is_set=False)
    yield Line("  max-num-seqs: 64", is_set=False)


def _inference(
    config: ModelConfig | None, group: Sequence[Gpu], machine: Machine
) -> Iterator[Line]:
    yield from _parallel(None if config is None else config.heads, group, machine.inventory)
    if config is None:
        yield Line("nothing is known of the model: its config.json is not here", is_set=False)
        return
    yield from _dtype(config, group)
    longest = config.longest(machine.release)
    if longest is not None:
        why = "the longest the model can; less leaves room for more requests"
        yield Line(f"max_model_len: {longest.tokens}  # {why}")


def _parallel(heads: int | None, group: Sequence[Gpu], inventory: GpuInventory) -> Iterator[Line]:
    """The number of cards that share the model, if it is known."""
    count, size = len(group), shared_by(heads, group)
    if any(gpu.mig_enabled for gpu in inventory.gpus):
        mig = "a card is split by MIG: name an instance of it in gpus.select"
        yield Line(mig, is_set=False)
    if size is not None and size > 1:
        why = f"{count} equal cards" if size == count else f"of {count} equal cards"
        yield Line(f"tensor_parallel_size: {size}  # {why}, {heads} attention heads")
    elif size is None and count > 1:
        why = "equal cards; it must divide the attention heads, which are not known"
        yield Line(f"tensor_parallel_size: {count}  # {why}", is_set=False)


def _dtype(config: ModelConfig, group: Sequence[Gpu]) -> Iterator[Line]:
    """The type of the weights. Of float32, and of a quantised model, vLLM knows better."""
    dtype = config.text.get("dtype") or config.text.get("torch_dtype")
    dtype = dtype or config.values.get("dtype") or config.values.get("torch_dtype")
    if config.quantization is not None or not isinstance(dtype, str) or dtype not in _HALF:
        return
    old = [g for g in group if g.compute_capability and g.compute_capability < _BFLOAT16]
    if dtype == "bfloat16" and old:
        why = "the checkpoint is bfloat16, which these cards cannot: left to vLLM"
        yield Line(f"dtype: float16  # {why}", is_set=False)
    else:
        yield Line(f"dtype: {dtype}  # as the checkpoint is stored")


def _quoted(text: str) -> str:
    """A scalar as YAML 1.1 and 1.2 both read it: quoted, unless it is as plain as can be."""
    if _PLAIN.fullmatch(text) and text.lower() not in _YAML_WORDS:
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())
