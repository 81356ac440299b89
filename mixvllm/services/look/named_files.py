"""A look at the files that a profile and its options name, each once, before the rules run."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mixvllm.rules.base import FileFact
from mixvllm.rules.mx700_model_folder import FILES, file_of, template_of
from mixvllm.settings.engine import EngineSetting, absolute
from mixvllm.settings.keyfile import EmptyKeyFile, UnusableKeyFile, read_key
from mixvllm.settings.paths import is_local_path
from mixvllm.settings.resolve import Resolved


def look_at_files(resolved: Resolved, settings: Sequence[EngineSetting]) -> dict[Path, FileFact]:
    """The files that the profile and these options name, each looked at once."""
    paths: set[Path] = set()
    model = resolved.value("model", "name")
    if isinstance(model, str) and is_local_path(model):
        paths.add(absolute(model, resolved.origin(("model", "name"))))
    for setting in FILES:
        value = resolved.value(*map(str, setting))
        if isinstance(value, str):
            paths.add(absolute(value, resolved.origin(setting)))
    for named in (file_of, template_of):
        paths.update(path for setting in settings if (path := named(setting)) is not None)
    facts = {path: _fact(path) for path in paths}
    key = resolved.value("server", "api_key_file")
    if isinstance(key, str):
        path = absolute(key, resolved.origin(("server", "api_key_file")))
        facts[path] = _with_key(path, facts[path])
    return facts


def _with_key(path: Path, fact: FileFact) -> FileFact:
    try:
        read_key(path)
    except EmptyKeyFile:
        return replace(fact, key_is_empty=True)
    except UnusableKeyFile as why:
        return replace(fact, no_key=str(why))
    return fact


def _fact(path: Path) -> FileFact:
    try:
        folder = path.is_dir()
        names = frozenset(item.name for item in path.iterdir()) if folder else frozenset()
        return FileFact(path.exists(), folder, os.access(path, os.R_OK), names)
    except (OSError, ValueError):
        return FileFact(exists=False)
