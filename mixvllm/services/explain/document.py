"""The documents of `mixvllm explain --format json` (docs/json.md)."""

from collections.abc import Iterable
from typing import Final, TypeAlias

from mixvllm.core.origin import dotted, origin_json
from mixvllm.services.explain.explainer import Answer, Explained, Setter, included_at
from mixvllm.services.explain.reference import Reference, reference_of
from mixvllm.services.page import RulePage
from mixvllm.settings.words import variable_of
from mixvllm.vllm.option import UNSET

Json: TypeAlias = dict[str, object]
_FORMAT: Final = 1


def page_json(page: RulePage, rules: Iterable[RulePage]) -> Json:
    """The page of a finding."""
    return {
        "format_version": _FORMAT,
        "kind": "finding",
        "code": page.code,
        "rule": page.rule,
        "what": page.what,
        "text": page.text,
        "rules": [{"rule": rule.rule, "what": rule.what} for rule in rules],
    }


def key_json(explained: Explained) -> Json:
    """One key."""
    return {"format_version": _FORMAT, "kind": "key", **_key(explained)}


def section_json(answer: Answer) -> Json:
    """All keys of a section."""
    return {
        "format_version": _FORMAT,
        "kind": "section",
        "key": dotted(answer.section or ()),
        "keys": [_key(explained) for explained in answer.keys],
    }


def _key(explained: Explained) -> Json:
    known = reference_of(explained)
    setters, default = explained.setters, explained.default
    in_force = setters[0] if setters else default
    return {
        "key": dotted(explained.key),
        "keys": [dotted(key) for key in explained.subject.ways],
        "help": known.help or None,
        "takes": known.takes or None,
        "choices": None if known.choices is None else list(known.choices),
        "flags": list(known.flags),
        "variable": variable_of(explained.subject.key),
        "secret": explained.is_secret,
        "release": explained.release,
        "value": None if in_force is None else in_force.value,
        "set_by": _setter(setters[0]) if setters else None,
        "overrode": [_setter(setter) for setter in setters[1:]],
        "parts": [_setter(part) for part in explained.parts],
        "default": None if default is None else _setter(default),
        "vllm": _vllm(known),
        "findings": [found.as_json() for found in explained.findings],
    }


def _setter(setter: Setter) -> Json:
    return {
        "key": dotted(setter.key),
        "value": setter.value,
        "available": setter.is_known,
        "origin": origin_json(setter.origin),
        "included_at": [origin_json(span) for span in included_at(setter.origin)],
    }


def _vllm(known: Reference) -> Json | None:
    history = known.history
    if history is None:
        return None
    return {
        "name": history.name,
        "group": history.group,
        "since": history.since,
        "removed_in": history.removed_in,
        "became": history.became or None,
        "comes_with": history.comes_with,
        "deprecated": history.is_deprecated,
        "leaves": history.leaves,
        "defaults": [
            {"release": c.release, "old": _default(c.old), "new": _default(c.new)}
            for c in history.defaults
        ],
        "json_keys": list(history.json_keys),
    }


def _default(value: object) -> object:
    return None if value is UNSET or value == {"unset": True} else value
