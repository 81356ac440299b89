"""A model's folder on this machine: its configuration, and whether its weights are whole.

All that rules may ask is looked at once, here, within bounds: files are stat'ed or read to a
limit, a pipe or a folder in a file's place is a fault in words, and nothing is fetched.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.checkpoint.json_file import Json, JsonFile, read_json
from mixvllm.vllm.checkpoint.safetensors import what_is_wrong

INDEX: Final = "model.safetensors.index.json"
INDEX_BYTES: Final = 32 * 2**20  # DeepSeek-V3's has 9 MB
_MOST_FILES: Final = 20_000  # names of one folder that are looked at
_MOST_SHARDS: Final = 2_000  # weight files that are opened
# What a weight file's name looks like, in vLLM's order of preference (0.32.0,
# `model_executor/model_loader/default_loader.py`, _prepare_weights).
_PATTERNS: Final[Mapping[str, tuple[str, ...]]] = {
    "auto": ("*.safetensors", "*.bin", "*.pt"),
    "hf": ("*.safetensors", "*.bin", "*.pt"),
    "safetensors": ("*.safetensors",),
    "fastsafetensors": ("*.safetensors",),
    "instanttensor": ("*.safetensors",),
    "mistral": ("consolidated*.safetensors",),
    "pt": ("*.pt",),
    "npcache": ("*.bin", "*.pt"),
}
_SHARD: Final = re.compile(r"(.*-)\d{5}-of-(\d{5})(\.\w+)", re.ASCII)
_OF_TRAINING: Final = (
    "training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.pt", "scaler.pt",
)  # fmt: skip
_TOKENIZERS: Final = (
    "tokenizer*", "tokenization*", "vocab*", "merges*", "tekken*", "spiece*", "sentencepiece*",
    "*.model", "*.model.v*", "*.tiktoken", "*bpe*", "added_tokens*",
)  # fmt: skip
_TEMPLATES: Final = ("chat_template.jinja", "chat_template.json", "additional_chat_templates")


@dataclass(frozen=True, slots=True)
class Broken:
    """A file that cannot be used. ``why`` follows the name in a sentence."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Weights:
    """The weight files that vLLM would load. None of it is known when the format is another's."""

    files: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()  # named by the index, or by the numbers of the others
    missing: tuple[str, ...] = ()  # the same, where nothing will fetch them
    broken: tuple[Broken, ...] = ()
    patterns: tuple[str, ...] = ()  # what was looked for; empty: nothing

    @property
    def pickled(self) -> bool:
        """Whether they are pickles, which are loaded whole before they are used."""
        return bool(self.files) and not self.files[0].endswith(".safetensors")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a model's folder holds."""

    folder: Path
    fetched: bool  # a snapshot of the Hub's: what is missing will be fetched at the start
    names: frozenset[str] = frozenset()  # files and folders in it; links to nothing are not
    config: ModelConfig | None = None  # None: there is none, or it cannot be read
    generation: Mapping[str, Json] = field(default_factory=dict)
    tokenizer: Mapping[str, Json] = field(default_factory=dict)  # tokenizer_config.json
    broken: tuple[Broken, ...] = ()  # of the files that are JSON
    weights: Weights = field(default_factory=Weights)

    @property
    def has_tokenizer(self) -> bool:
        """Whether any file looks like a vocabulary or like code that makes one."""
        return any(fnmatch(name, pattern) for name in self.names for pattern in _TOKENIZERS)

    @property
    def has_chat_template(self) -> bool:
        """Whether the tokenizer, or the processor, brings a chat template."""
        return bool(self.tokenizer.get("chat_template")) or not self.names.isdisjoint(_TEMPLATES)


def read_checkpoint(
    folder: Path, *, fetched: bool, load_format: str = "auto", weights: Path | None = None
) -> Checkpoint:
    """Look at a folder. Never raises.

    Args:
        folder: where config.json is.
        fetched: the folder is a snapshot in the Hub's cache, and the Hub may be asked for more.
        load_format: vLLM's ``--load-format``; of one that is not known here, no weights are
            looked for.
        weights: the folder of the weights, where it is another one (``--download-dir``).
    """
    names = frozenset(_names(folder))
    config = read_json(folder / "config.json")
    read = {
        name: read_json(folder / name) if name in names else JsonFile(name)
        for name in ("generation_config.json", "tokenizer_config.json", "hf_quant_config.json")
    }
    found, index = _weights(weights or folder, load_format, fetched=fetched)
    return Checkpoint(
        folder,
        fetched,
        names,
        ModelConfig(config.values, _quantization(read["hf_quant_config.json"]))
        if config.there and not config.fault
        else None,
        read["generation_config.json"].values,
        read["tokenizer_config.json"].values,
        tuple(Broken(f.name, f.fault) for f in (config, *read.values(), index) if f.fault),
        found,
    )


def _quantization(file: JsonFile) -> Mapping[str, Json]:
    """ModelOpt's own file, which older versions of it write instead of a part of config.json."""
    return file.values and {**file.values, "producer": {"name": "modelopt"}}


def _names(folder: Path) -> Iterator[str]:
    """The names in a folder that lead to something."""
    try:
        with os.scandir(folder) as entries:
            for count, entry in enumerate(entries):
                if count >= _MOST_FILES:
                    return
                if not entry.is_symlink() or (folder / entry.name).exists():
                    yield entry.name
    except OSError:
        return


def _weights(folder: Path, load_format: str, *, fetched: bool) -> tuple[Weights, JsonFile]:
    patterns = _PATTERNS.get(load_format, ())
    names = sorted(_names(folder)) if patterns else []
    if load_format == "auto" and any(fnmatch(n, "consolidated*.safetensors") for n in names):
        patterns = _PATTERNS["mistral"]  # preferred to the others, where both are there
    files = next((some for pattern in patterns if (some := _matching(names, pattern))), ())
    index = JsonFile(INDEX)
    if patterns and patterns[0] == "*.safetensors" and INDEX in names:
        index = read_json(folder / INDEX, at_most=INDEX_BYTES)
    listed = _listed(index)
    absent = tuple(sorted((listed or _numbered(files)) - frozenset(names)))
    whole = tuple(name for name in files if not listed or name in listed)
    broken = (
        Broken(name, why)
        for name in whole[:_MOST_SHARDS]
        if name.endswith(".safetensors") and (why := what_is_wrong(folder / name))
    )
    return Weights(whole, absent, () if fetched else absent, tuple(broken), patterns), index


def _matching(names: Iterable[str], pattern: str) -> tuple[str, ...]:
    found = (name for name in names if fnmatch(name, pattern))
    return tuple(name for name in found if not name.endswith(_OF_TRAINING))


def _numbered(names: Iterable[str]) -> frozenset[str]:
    """All files of which some are there: model-00001-of-00004.safetensors has three others."""
    found = (_SHARD.fullmatch(name) for name in names)
    series = {(m[1], int(m[2]), m[3]) for m in found if m and int(m[2]) <= _MOST_SHARDS}
    return frozenset(
        f"{start}{number:05}-of-{count:05}{end}"
        for start, count, end in series
        for number in range(1, count + 1)
    )


def _listed(index: JsonFile) -> frozenset[str]:
    """The files that an index names: tensor -> file."""
    mapping = index.values.get("weight_map")
    files = mapping.values() if isinstance(mapping, dict) else ()
    return frozenset(name for name in files if isinstance(name, str))
