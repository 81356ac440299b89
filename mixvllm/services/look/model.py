"""A look at the model's files, once, before the rules run: a folder, or the Hub's cache.

Never over the network.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from mixvllm.core.origin import KeyPath, Origin
from mixvllm.rules.base import Facts
from mixvllm.settings.engine import absolute
from mixvllm.settings.paths import is_local_path
from mixvllm.vllm.argv import LORA_KEYS
from mixvllm.vllm.checkpoint.adapter import Adapter, read_adapter
from mixvllm.vllm.checkpoint.folder import Checkpoint, read_checkpoint
from mixvllm.vllm.checkpoint.hub_cache import cache_folder, is_offline, snapshot

_REPOSITORY: Final = re.compile(r"[\w.-]{1,96}(/[\w.-]{1,96})?", re.ASCII)
_NO_WEIGHTS: Final = ""  # as a load format: do not look for any


def with_the_model(facts: Facts, environ: Mapping[str, str]) -> Facts:
    """The facts with what the model's folder, its tokenizer's and its adapters' hold.

    Nothing is known of a model that comes from somewhere else: another hub, a bucket, one file,
    a configuration that stands in another folder.
    """
    environ = _environ(facts, environ)
    name = facts.resolved.value("model", "name")
    if (
        not isinstance(name, str)
        or comes_from_elsewhere(environ)
        or facts.setting("hf-config-path") is not None
        or facts.value_of("config-format") not in (None, "auto", "hf")
        or name.endswith(".gguf")
    ):
        return replace(facts, variables=environ, adapters=tuple(_adapters(facts)))
    origin = facts.place(("model", "name")).value
    found, absent = _model(facts, name, origin, environ)
    return replace(
        facts,
        checkpoint=found,
        not_fetched=absent,
        tokenizer=_tokenizer(facts, found, environ),
        adapters=tuple(_adapters(facts)),
        variables=environ,
    )


def comes_from_elsewhere(environ: Mapping[str, str]) -> bool:
    """Whether vLLM takes models from another hub, or from where a file says (`envs.py`)."""
    switch = environ.get("VLLM_USE_MODELSCOPE", "").lower()
    return switch in ("1", "true") or bool(environ.get("VLLM_MODEL_REDIRECT_PATH"))


def _environ(facts: Facts, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The variables that vLLM will see."""
    own = facts.resolved.value("vllm", "env")
    texts = own.items() if isinstance(own, Mapping) else ()
    return {**environ, **{k: str(v) for k, v in texts if isinstance(v, str | int | float)}}


def _model(
    facts: Facts, name: str, origin: Origin, environ: Mapping[str, str]
) -> tuple[Checkpoint | None, Path | None]:
    """The model's folder; or the cache that lacks it, when nothing may be fetched."""
    load_format = facts.value_of("load-format")
    text = load_format if isinstance(load_format, str) else "auto"
    if is_local_path(name):
        folder = absolute(name, origin)
        there = folder.is_dir()
        return read_checkpoint(folder, fetched=False, load_format=text) if there else None, None
    cache = cache_folder(environ)
    if cache is None or not _REPOSITORY.fullmatch(name) or Path(name).is_dir():
        return None, None
    offline = is_offline(environ)
    found = snapshot(cache, name, _text(facts, "revision"))
    if found is None:
        return None, cache if offline else None
    elsewhere = _text(facts, "download-dir")
    weights = snapshot(Path(elsewhere), name, _text(facts, "revision")) if elsewhere else found
    if weights is None:
        text = _NO_WEIGHTS
    return (
        read_checkpoint(found, fetched=not offline, load_format=text, weights=weights),
        None,
    )


def _tokenizer(
    facts: Facts, model: Checkpoint | None, environ: Mapping[str, str]
) -> Checkpoint | None:
    """The folder of the tokenizer: the model's, unless another one is named."""
    name = _text(facts, "tokenizer")
    if name is None:
        return model
    cache = cache_folder(environ)
    folder: Path | None = None
    if is_local_path(name):
        folder = Path(name)  # absolute by now
    elif cache is not None and _REPOSITORY.fullmatch(name):
        folder = snapshot(cache, name, _text(facts, "tokenizer-revision"))
    if folder is None or not folder.is_dir():
        return None
    return read_checkpoint(folder, fetched=False, load_format=_NO_WEIGHTS)


def _adapters(facts: Facts) -> Iterator[tuple[KeyPath, Adapter]]:
    """The adapters of `lora-modules` that are named by a whole path."""
    setting = facts.setting("lora-modules")
    items = setting.value if setting is not None else None
    for index, item in enumerate(items if isinstance(items, list) else [items]):
        if isinstance(item, Mapping) and not {"name"} <= item.keys() <= {*LORA_KEYS}:
            continue  # MX251
        path = item.get("path") if isinstance(item, Mapping) else item
        if isinstance(path, str) and setting is not None:
            text = path.partition("=")[2] if isinstance(item, str) else path
            if text.startswith("/"):
                yield (*setting.key, index), read_adapter(Path(text))


def _text(facts: Facts, option: str) -> str | None:
    setting = facts.setting(option)
    return setting.value if setting is not None and isinstance(setting.value, str) else None
