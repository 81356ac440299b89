"""vLLM's options as a profile has them, read as the types that vLLM makes of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from mixvllm.settings.layers import Value
from mixvllm.settings.typed import json_object
from mixvllm.vllm.quantity import human_integer

_ON = {"true", "yes", "on", "1"}
_OFF = {"false", "no", "off", "0"}
_ONE_OF_MANY: Final = ("data-parallel-rank", "data-parallel-start-rank")


class Settings(Protocol):
    """Where a profile's options are; the facts of a check are one."""

    def value_of(self, name: str) -> Value:
        """The profile's value, else the release's default; None where vLLM works it out."""
        ...


@dataclass(frozen=True)
class Asked:
    """The options, with changes that are only tried. ``name`` is always a long flag's, kebab."""

    settings: Settings
    changes: Mapping[str, Value] = field(default_factory=dict)

    def but(self, **changes: Value) -> "Asked":
        """The same with other values: ``but(max_model_len=4096)``."""
        named = {name.replace("_", "-"): value for name, value in changes.items()}
        return replace(self, changes={**self.changes, **named})

    def value(self, name: str) -> Value:
        """As it stands in the profile, or as it is tried."""
        return self.changes[name] if name in self.changes else self.settings.value_of(name)

    def whole(self, name: str) -> int | None:
        """A whole number; None for `auto` and for what has a finding of its own."""
        value = self.value(name)
        if isinstance(value, str):
            try:
                return human_integer(value)
            except ValueError:
                return None
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def positive(self, name: str) -> int | None:
        """A whole number above 0; what is not has a finding of its own."""
        number = self.whole(name)
        return number if number is not None and number > 0 else None

    def size(self, name: str) -> int:
        """How many of something there are: 1 where nobody says so."""
        return self.positive(name) or 1

    def number(self, name: str) -> float | None:
        """A number."""
        value = self.value(name)
        return float(value) if isinstance(value, int | float) else None

    def text(self, name: str) -> str | None:
        """A text, in small letters."""
        value = self.value(name)
        return value.lower() if isinstance(value, str) else None

    def switch(self, name: str) -> bool | None:
        """A switch, however it is spelled."""
        word = str(self.value(name)).lower()
        return True if word in _ON else False if word in _OFF else None

    def wholes(self, name: str) -> tuple[int, ...] | None:
        """Whole numbers; None where none are given."""
        value = self.value(name)
        items = value if isinstance(value, list) else [value]
        numbers = tuple(item for item in items if type(item) is int and item > 0)
        return numbers or None

    def mapping(self, name: str) -> Mapping[str, Value]:
        """A JSON option, its keys in snake case; empty where it is not given."""
        value = self.value(name)
        found = value if isinstance(value, Mapping) else json_object(value)
        return {
            key.replace("-", "_"): inner
            for key, inner in (found or {}).items()
            if isinstance(key, str) and inner is not None
        }

    @property
    def copies(self) -> int:
        """How many copies of the model run on this machine."""
        if self.whole("data-parallel-size-local") is not None:
            return self.size("data-parallel-size-local")
        if any(self.whole(name) is not None for name in _ONE_OF_MANY):
            return 1
        return self.size("data-parallel-size")
