"""The options, variables and JSON keys of one vLLM release, without vLLM.

>>> options_of("0.32.0").find("tensor_parallel_size").flags
('--tensor-parallel-size', '-tp')
>>> removed_in("swap-space", before="0.32.0")
'0.18.0'

The facts come from vLLM's own parser and getters (`mixvllm.vllm.dump`), on its CPU platform.
"""

from collections.abc import Iterator, Mapping
from functools import cache, cached_property

from mixvllm.vllm.history import added_in, removed_in
from mixvllm.vllm.option import (
    UNSET,
    ConfigKey,
    EnvVariable,
    JsonType,
    Kind,
    Option,
    Reading,
)
from mixvllm.vllm.table import Spec, Table, UnknownRelease, load_table

__all__ = [
    "UNSET",
    "ConfigKey",
    "EnvVariable",
    "JsonType",
    "Kind",
    "Option",
    "Options",
    "Reading",
    "UnknownRelease",
    "added_in",
    "known_releases",
    "newest",
    "options_of",
    "removed_in",
]


def known_releases() -> tuple[str, ...]:
    """Every release there is data for, oldest first."""
    return load_table().releases


def newest() -> str:
    """The newest release there is data for."""
    return known_releases()[-1]


@cache
def options_of(release: str) -> "Options":
    """What a release understands; any patch of a known minor will do. Raises UnknownRelease."""
    table = load_table()
    return Options(table, table.index_of(release))


class Options:
    """What one release of vLLM understands. Options are built when they are asked for."""

    def __init__(self, table: Table, index: int) -> None:
        self.release = table.releases[index]
        self._table = table
        self._index = index
        self._specs = table.at("options", index)
        self._built: dict[str, Option] = {}

    def names(self) -> tuple[str, ...]:
        """The canonical names, in alphabetical order."""
        return tuple(self._specs)

    def find(self, spelling: str) -> Option | None:
        """The option with this spelling, as in YAML (``max_model_len``) or in argv (``-tp``).

        A short flag may go without its dash, as long ones do. A spelling that means false
        (``no-enable-lora``) is none of an option's own: see `negated`.
        """
        name = self._by_flag.get(_as_flag(spelling))
        if name is None and not spelling.startswith("-"):
            name = self._by_flag.get(f"-{spelling}")
        return self._named(name)

    def is_short(self, spelling: str) -> bool:
        """Whether this is an option's short flag, with its dash or without: ``tp``."""
        return f"-{spelling.removeprefix('-')}" in self._by_flag

    def negated(self, spelling: str) -> Option | None:
        """The switch that this spelling turns off: ``no-enforce-eager``, ``disable-lora``."""
        return self._named(self._by_negation.get(_as_flag(spelling)))

    def prefixed_by(self, spelling: str) -> tuple[str, ...]:
        """The options argparse would take this spelling for, because it accepts unique prefixes.

        More than one is an error in vLLM. Empty for a spelling that is an option's own.
        """
        flag = _as_flag(spelling)
        if flag in self._by_flag or flag in self._by_negation or len(flag) < 3:
            return ()
        names = (name for known, name in self._by_flag.items() if known.startswith(flag))
        return tuple(dict.fromkeys(names))

    def nearest(self, spelling: str) -> tuple[str, ...]:
        """The options that may have been meant, best first: at most three, none if none is near."""
        from mixvllm.vllm.nearest import nearest_options

        return nearest_options(spelling, self._by_flag)

    def nearest_variable(self, name: str) -> tuple[str, ...]:
        """The variables that may have been meant, best first, at most three."""
        from mixvllm.vllm.nearest import nearest_names

        return nearest_names(name, tuple(self.env))

    def config_keys(self, config: str) -> Mapping[str, ConfigKey] | None:
        """The keys a config class takes in JSON; None when this release has no such class."""
        start = f"{config}."
        found = {
            name.removeprefix(start): spec
            for name, spec in self._key_specs.items()
            if name.startswith(start)
        }
        return {name: _config_key(name, spec) for name, spec in found.items()} or None

    @cached_property
    def env(self) -> Mapping[str, EnvVariable]:
        """The environment variables this release reads, by name."""
        return _Variables(self._table.at("variables", self._index), self._table.spellings)

    @cached_property
    def _key_specs(self) -> Mapping[str, Spec]:
        return self._table.at("keys", self._index)

    @cached_property
    def _by_flag(self) -> Mapping[str, str]:
        flags = {flag: name for name, spec in self._specs.items() for flag in spec["flags"]}
        if "optimization-level" in flags.values():
            flags["-O"] = "optimization-level"  # rewritten before parsing: utils/argparse_utils.py
        return flags

    @cached_property
    def _by_negation(self) -> Mapping[str, str]:
        return {
            flag: name for name, spec in self._specs.items() for flag in spec.get("negations", ())
        }

    def _named(self, name: str | None) -> Option | None:
        if name is None:
            return None
        if name not in self._built:
            self._built[name] = _option(name, self._specs[name])
        return self._built[name]


class _Variables(Mapping[str, EnvVariable]):
    """Variables by name, each built when it is asked for."""

    def __init__(self, specs: Mapping[str, Spec], spellings: tuple[str, ...]) -> None:
        self._specs = specs
        self._spellings = spellings

    def __getitem__(self, name: str) -> EnvVariable:
        return _variable(name, self._specs[name], self._spellings)

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)


def _as_flag(spelling: str) -> str:
    """The argv form. vLLM reads ``_`` as ``-`` after two dashes, and only there."""
    if spelling.startswith("-") and not spelling.startswith("--"):
        return spelling
    return f"--{spelling.removeprefix('--').replace('_', '-')}"


def _option(name: str, spec: Spec) -> Option:
    default = spec.get("default")
    return Option(
        name=name,
        flags=tuple(spec["flags"]),
        kind=Kind(spec["kind"]),
        many=spec.get("many", False),
        choices=_tuple(spec.get("choices")),
        at_least=spec.get("at_least"),
        above=spec.get("above"),
        at_most=spec.get("at_most"),
        below=spec.get("below"),
        default=UNSET if default == {"unset": True} else default,
        optional=spec.get("optional", False),
        deprecated=spec.get("deprecated", False),
        config=spec.get("config"),
        null_text=spec.get("null_text", False),
        negations=tuple(spec.get("negations", ())),
        suggested=tuple(spec.get("suggested", ())),
        repeated=spec.get("repeated", False),
        folded=spec.get("folded", False),
        suffixes=spec.get("suffixes", ""),
        group=spec.get("group"),
        accepts=_types(spec.get("accepts")),
        items=_types(spec.get("items")),
        leaves=spec.get("leaves"),
    )


def _config_key(name: str, spec: Spec) -> ConfigKey:
    return ConfigKey(
        name=name,
        accepts=_types(spec.get("accepts")),
        items=_types(spec.get("items")),
        choices=_tuple(spec.get("choices")),
        at_least=spec.get("at_least"),
        above=spec.get("above"),
        at_most=spec.get("at_most"),
        below=spec.get("below"),
        config=spec.get("config"),
    )


def _variable(name: str, spec: Spec, spellings: tuple[str, ...]) -> EnvVariable:
    return EnvVariable(
        name=name,
        kind=Kind(spec["kind"]),
        many=spec.get("many", False),
        choices=_tuple(spec.get("choices")),
        default=spec.get("default", UNSET),
        optional=spec.get("optional", False),
        readings=tuple(zip(spellings, map(Reading, spec.get("readings", "")), strict=False)),
    )


def _types(names: list[str] | None) -> tuple[JsonType, ...] | None:
    return None if names is None else tuple(map(JsonType, names))


def _tuple(items: list[str | int | None] | None) -> tuple[str | int | None, ...] | None:
    return None if items is None else tuple(items)
