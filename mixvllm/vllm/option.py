"""An option, a variable and a key of a JSON option, as one vLLM release understands them."""

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final, TypeAlias


class Unset(Enum):
    """The default of an option that vLLM tells apart from every value, null included."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


class Kind(StrEnum):
    """What vLLM's parser makes of the text behind an option."""

    FLAG = "flag"  # --headless: present or absent
    SWITCH = "switch"  # --enforce-eager and --no-enforce-eager
    INTEGER = "integer"
    HUMAN_INTEGER = "human_integer"  # 32k, 1.5M, 2K: see mixvllm.vllm.quantity
    HUMAN_INTEGER_OR_AUTO = "human_integer_or_auto"  # the same, or -1 or "auto"
    NUMBER = "number"
    STRING = "string"
    STRING_OR_FLAG = "string_or_flag"  # --hf-token TOKEN, or --hf-token alone
    JSON = "json"
    JSON_OR_STRING = "json_or_string"  # JSON when it stands in braces, else the text itself
    ID_LIST = "id_list"  # --device-ids 0,1: one text, integers where they are digits
    LORA_MODULES = "lora_modules"  # name=path, or a JSON object, each


class JsonType(StrEnum):
    """The types a value in YAML or JSON can have."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    STRING = "string"
    LIST = "list"
    MAPPING = "mapping"
    NULL = "null"


Choice: TypeAlias = str | int | None


@dataclass(frozen=True, slots=True)
class Option:
    """One option of ``vllm serve``."""

    name: str  # the long flag without dashes: "tensor-parallel-size"
    flags: tuple[str, ...]  # every spelling that sets it: ("--tensor-parallel-size", "-tp")
    kind: Kind
    many: bool = False  # takes one value or more (nargs="+"), or may be repeated
    choices: tuple[Choice, ...] | None = None  # None: any
    at_least: float | None = None  # bounds of the config field, which the parser does not check
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    default: object = None  # UNSET: vLLM decides, and null would mean something else
    optional: bool = False  # accepts null
    deprecated: bool = False
    config: str | None = None  # the config class whose keys a JSON option takes
    null_text: bool = False  # "" and "None" are read as null, in a list too
    negations: tuple[str, ...] = ()  # spellings that mean false: ("--no-enforce-eager",)
    suggested: tuple[str, ...] = ()  # texts vLLM knows by name where any text is allowed
    repeated: bool = False  # one flag for each item: --middleware=a --middleware=b
    folded: bool = False  # "Deep-GEMM" is read as "deep_gemm"
    suffixes: str = ""  # the letters a human integer may end in: "kKmMgGtT"
    group: str | None = None  # the heading in vLLM's help: "ParallelConfig"
    accepts: tuple[JsonType, ...] | None = None  # of JSON without a config class; None: any
    items: tuple[JsonType, ...] | None = None  # of that list, or the values of that mapping
    leaves: str | None = None  # the release in which vLLM says that it will remove it


@dataclass(frozen=True, slots=True)
class ConfigKey:
    """One key of a JSON option."""

    name: str
    accepts: tuple[JsonType, ...] | None = None  # None: not known, so anything
    items: tuple[JsonType, ...] | None = None  # of a list, or the values of a mapping; None: any
    choices: tuple[Choice, ...] | None = None
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    config: str | None = None  # the config class of a nested mapping


class Reading(StrEnum):
    """What a boolean variable makes of a text."""

    ON = "+"
    OFF = "-"
    UNSET = "~"  # as if the variable were not set
    REFUSED = "!"  # vLLM raises, at start or in the middle of its work
    OTHER = "?"


@dataclass(frozen=True, slots=True)
class EnvVariable:
    """One environment variable that vLLM reads."""

    name: str
    kind: Kind  # SWITCH for a boolean, INTEGER, NUMBER, STRING or JSON
    many: bool = False  # a comma-separated list
    choices: tuple[Choice, ...] | None = None
    default: object = UNSET  # UNSET: computed, or not written down in vLLM
    optional: bool = False  # has a state "not set" that differs from every value
    readings: tuple[tuple[str, Reading], ...] = ()  # measured, for booleans: text, meaning

    def reads(self, text: str) -> Reading | None:
        """What this boolean variable makes of the text; None when that is not known.

        A text that was not measured is read as "abc" was, unless it is a number: some variables
        convert it to an integer first.
        """
        known = dict(self.readings)
        if text in known or text.strip().lstrip("+-").isdecimal():
            return known.get(text)
        return known.get("abc")

    def spelling(self, *, on: bool) -> str | None:
        """The text that switches this variable on, or off; None when there is none.

        1 and 0 where they work (nearly everywhere), else the first measured text that does:
        VLLM_DEBUG_LOG_API_SERVER_RESPONSE is switched on by "true" and not by "1".
        """
        wanted = Reading.ON if on else Reading.OFF
        if not self.readings:
            return "1" if on else "0"
        return next((text for text, reading in self.readings if reading is wanted), None)
