"""What takes the place of a key that a later release refuses, as an edit of the profile."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.core.origin import FileSpan, KeyPath
from mixvllm.services.check import Checked
from mixvllm.settings.edit import ProfileEdit
from mixvllm.settings.layers import Value, get
from mixvllm.settings.written import written
from mixvllm.vllm.moves import Writes, in_words, moved_key, moved_option, moved_variable
from mixvllm.vllm.options import Options

_ARGS = ("vllm", "args")


@dataclass(frozen=True, slots=True)
class Successor:
    """The edit for one finding.

    Args:
        instead: what stands in the key's place; nothing takes it out.
        renamed: the key's new name, where its value stays.
        added: options that are added to ``vllm.args``.
        keys: all keys that the edit may change.
    """

    finding: Diagnostic
    words: str
    keys: frozenset[KeyPath]
    instead: Mapping[str, object] = field(default_factory=dict)
    renamed: str = ""
    added: Mapping[str, object] = field(default_factory=dict)

    def edit(self, profile: ProfileEdit) -> None:
        """Note the edit of the key itself. Raises CannotEdit."""
        if self.renamed:
            profile.rename(self.finding.key, self.renamed)
        else:
            profile.replace(self.finding.key, self.instead)


def successor_of(found: Diagnostic, checked: Checked) -> Successor | None:
    """The edit that says the same in the release of ``checked``, or takes out what says nothing
    any more; None where vLLM's own code does not tell (:mod:`mixvllm.vllm.moves`), and for what
    does not stand in the profile's own file, to the letter.
    """
    resolved, key = checked.resolved, found.key
    place = resolved.place(*key)
    text = None if place is None else written(resolved.texts, place.value)
    own = isinstance(found.origin, FileSpan) and found.origin.path == resolved.path
    if not own or text is None or "${" in text:
        return None
    value = get(resolved.values, key)
    try:
        json.dumps(value)
    except TypeError:
        return None  # a part of it could not be had
    match found.code:
        case "MX210" | "MX214" if key[:2] == _ARGS:
            return _of_option(found, moved_option(str(key[2]), value), value, checked)
        case "MX301":
            return _of_variable(found, moved_variable(str(key[2]), value), checked)
        case "MX220" if isinstance(get(resolved.values, key[:3]), Mapping):
            return _of_json_key(found, value, checked)
        case _:
            return None


def _of_option(
    found: Diagnostic, writes: Writes | None, value: Value, checked: Checked
) -> Successor | None:
    if writes is None or not _takes(checked.facts.options, writes):
        return None
    return _instead(found, _nested(writes), value, in_words(writes))


def _of_variable(found: Diagnostic, writes: Writes | None, checked: Checked) -> Successor | None:
    if writes is None or not _takes(checked.facts.options, writes):
        return None
    added = _nested(writes)
    keys = frozenset({found.key, *((*_ARGS, name) for name in added)})
    words = f"written as the option `{in_words(writes)}`" if writes else "taken out"
    return Successor(found, words, keys, added=added)


def _of_json_key(found: Diagnostic, value: Value, checked: Checked) -> Successor | None:
    """A key of a JSON option; the keys beside it stay."""
    config = _config_of(found.key, checked)
    writes = None if config is None else moved_key(config, str(found.key[-1]), value)
    known = checked.facts.options.config_keys(config) if config else None
    beside = get(checked.resolved.values, found.key[:-1])
    if writes is None or known is None or not isinstance(beside, Mapping):
        return None
    if any(name not in known or name in beside for name in writes):
        return None
    words = in_words({(name,): inner for name, inner in writes.items()})
    return _instead(found, writes, value, words)


def _instead(
    found: Diagnostic, writes: Mapping[str, object], value: Value, words: str
) -> Successor:
    """Other keys in the place of this one; a new name, where that is all."""
    keys = frozenset({found.key, *((*found.key[:-1], name) for name in writes)})
    if not writes:
        return Successor(found, "taken out", keys)
    (first, said), *more = writes.items()
    renamed = first if said == value and not more else ""
    return Successor(found, f"written as `{words}`", keys, instead=writes, renamed=renamed)


def _takes(options: Options, writes: Writes) -> bool:
    """Whether the release takes every one of these options, and keys of a JSON option."""
    for name, *inner in writes:
        option = options.find(name)
        config = None if option is None else option.config
        known = options.config_keys(config) if config else None
        if option is None or (inner and (known is None or inner[0] not in known)):
            return False
    return True


def _config_of(key: KeyPath, checked: Checked) -> str | None:
    """The config class that a key below a JSON option belongs to."""
    options = checked.facts.options
    option = options.find(str(key[2]))
    config = None if option is None else option.config
    for part in key[3:-1]:
        known = (options.config_keys(config) if config else None) or {}
        config = known[str(part)].config if str(part) in known else None
    return config


def _nested(writes: Writes) -> dict[str, object]:
    """Options with their values; keys of one JSON option gathered in a mapping."""
    options: dict[str, object] = {}
    for (name, *inner), value in writes.items():
        held = options.setdefault(name, {} if inner else value)
        if inner and isinstance(held, dict):
            held[inner[0]] = value
    return options
