"""A model of vLLM's parser, of any release: words in, the namespace out.

Written from argparse, which is under it here as it is there, and from what vLLM's own parser does
before and around it (`utils/argparse_utils.py`, `engine/arg_utils.py`, `entrypoints/*/cli_args.py`,
0.12.0 to 0.33.0). It knows nothing of how words are made (`mixvllm.vllm.argv`).
"""

import argparse
import json
import re
from collections.abc import Callable, Sequence
from typing import NoReturn

from mixvllm.vllm.option import UNSET, Kind, Option
from mixvllm.vllm.options import Options

MODEL = "some/model"
Converter = Callable[[str], object]


class Refused(Exception):
    """The words are no command line of this release."""


class ModelOfParser:
    """The parser of one release. Build it once: it has 300 options."""

    def __init__(self, options: Options) -> None:
        self._parser = _Argparse(prog="vllm serve")
        self._parser.add_argument("model_tag", nargs="?", default=None)
        for name in options.names():
            option = options.find(name)
            assert option is not None
            _add(self._parser, option)

    def parse(self, words: Sequence[str]) -> dict[str, object]:
        """What ``vllm serve some/model WORDS`` sets, by destination. Raises Refused."""
        found = vars(self._parser.parse_args(_prepared([MODEL, *words])))
        if found.pop("model_tag") != MODEL:
            raise Refused("a word ended up as the model")
        return found


class _Argparse(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refused(message)


def _prepared(words: list[str]) -> list[str]:
    """What `FlexibleArgumentParser.parse_args` makes of the words before argparse sees them."""
    assert "--config" not in words, "a file of options, which this model does not read"
    made: list[str] = []
    for place, word in enumerate(words):
        if word.startswith("--help="):
            raise Refused("the help was asked for")
        if word.startswith("--"):
            flag, equals, value = word.partition("=")
            before_dot, dot, behind = flag.partition(".")
            made.append(before_dot.replace("_", "-") + dot + behind + equals + value)
        elif word.startswith("-O") and word != "-O":
            made += ["--optimization-level", word[3:] if word[2] == "=" else word[2:]]
        elif word == "-O" and words[place + 1 : place + 2] and words[place + 1] in "0123":
            made.append("--optimization-level")
        else:
            made.append(word)
    return _without_dotted(made)


def _without_dotted(words: list[str]) -> list[str]:
    """``--hf-overrides.a 1`` is JSON by pieces: taken out, and put at the end as one object.

    What counts is a dot in a word that begins with a dash, before its first ``=``.
    """
    kept: list[str] = []
    pieces: dict[str, dict[str, object]] = {}
    rest = iter(words)
    for word in rest:
        flag, equals, value = word.partition("=")
        if not word.startswith("-") or "." not in flag:
            kept.append(word)
            continue
        name, *keys = flag.split(".")
        inner: object = value if equals else next(rest, "")
        for key in reversed(keys):
            inner = {key: inner}
        pieces.setdefault(name, {}).update(inner if isinstance(inner, dict) else {})
    for name, held in pieces.items():
        kept += [name, json.dumps(held)]
    return kept


def _add(parser: argparse.ArgumentParser, option: Option) -> None:
    dest = option.name.replace("-", "_")
    default = argparse.SUPPRESS if option.default is UNSET else option.default
    if option.kind is Kind.SWITCH:
        parser.add_argument(
            *option.flags, *option.negations, dest=dest, default=default, nargs=0,
            action=_switch(frozenset(option.negations)),
        )  # fmt: skip
    elif option.kind is Kind.FLAG:
        parser.add_argument(*option.flags, dest=dest, default=default, action="store_true")
    elif option.kind is Kind.LORA_MODULES:
        parser.add_argument(
            *option.flags, dest=dest, default=default, nargs="+", type=_converter(option),
            action=_LoraModules,
        )  # fmt: skip
    elif option.kind is Kind.STRING_OR_FLAG:
        parser.add_argument(*option.flags, dest=dest, default=default, nargs="?", const=True)
    elif option.repeated:
        parser.add_argument(*option.flags, dest=dest, default=default, action="append")
    else:
        parser.add_argument(
            *option.flags, dest=dest, default=default, nargs="+" if option.many else None,
            type=_converter(option), choices=option.choices,
        )  # fmt: skip


def _switch(negations: frozenset[str]) -> type[argparse.Action]:
    """argparse.BooleanOptionalAction, with the spellings that vLLM's table has for "no"."""

    class Switch(argparse.Action):
        def __call__(
            self,
            _parser: argparse.ArgumentParser,
            namespace: argparse.Namespace,
            _values: object,
            option_string: str | None = None,
        ) -> None:
            setattr(namespace, self.dest, option_string not in negations)

    return Switch


class _LoraModules(argparse.Action):
    """`LoRAParserAction`, as it was up to 0.29.0: text with one ``=``, or JSON."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        _option_string: str | None = None,
    ) -> None:
        assert isinstance(values, list)
        modules: list[dict[str, object]] = []
        for item in values:
            if item in (None, ""):
                continue
            if "=" in item and "," not in item:
                name, path = item.split("=")
                module: dict[str, object] = {"name": name, "path": path}
            else:
                try:
                    module = json.loads(item)
                except ValueError:
                    parser.error(f"no JSON: {item}")
            optional = {"base_model_name", "is_3d_lora_weight"}
            if not {"name", "path"} <= set(module) <= {"name", "path", *optional}:
                parser.error(f"no LoRA module: {item}")
            modules.append({"base_model_name": None, **module})
        setattr(namespace, self.dest, modules)


def _converter(option: Option) -> Converter:
    """What makes a value of a word; text that is no such value is refused by argparse."""
    plain = _CONVERTERS[option.kind]
    if option.kind in (Kind.HUMAN_INTEGER, Kind.HUMAN_INTEGER_OR_AUTO):
        plain = _human(option.suffixes, auto=option.kind is Kind.HUMAN_INTEGER_OR_AUTO)
    if option.folded:
        plain = _folded
    if not option.null_text:
        return plain
    return lambda text: None if text in ("", "None") else plain(text)


def _folded(text: str) -> str:
    return text.lower().replace("-", "_")


def _human(suffixes: str, *, auto: bool) -> Converter:
    """`human_readable_int`: a small letter is a power of 1000, a large one of 1024."""

    def convert(text: str) -> int:
        text = text.strip()
        if auto and text.lower() in ("-1", "auto"):
            return -1
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmMgGtT])", text)
        if match is None or match[2] not in suffixes:
            return int(text)
        power = "kmgt".index(match[2].lower()) + 1
        if match[2].islower():
            return int(float(match[1]) * int(1000**power))
        return int(match[1]) * int(1024**power)

    return convert


def _ids(text: str) -> list[int | str]:
    return [int(part) if part.isdigit() else part for part in (p.strip() for p in text.split(","))]


def _json_or_text(text: str) -> object:
    return json.loads(text) if re.fullmatch(r"\s*{.*}\s*", text, re.DOTALL) else text


_CONVERTERS: dict[Kind, Converter] = {
    Kind.INTEGER: int,
    Kind.NUMBER: float,
    Kind.STRING: str,
    Kind.JSON: json.loads,
    Kind.JSON_OR_STRING: _json_or_text,
    Kind.ID_LIST: _ids,
    Kind.LORA_MODULES: str,
    Kind.HUMAN_INTEGER: str,
    Kind.HUMAN_INTEGER_OR_AUTO: str,
}
