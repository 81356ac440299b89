"""MX251: a value that no command line can give to vLLM."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import KeyPath
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.values import problem_of, unspeakable
from mixvllm.settings.engine import EngineSetting
from mixvllm.settings.layers import Value
from mixvllm.vllm.argv import Inexpressible, render_value
from mixvllm.vllm.option import Kind, Option


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Some values cannot be said on vLLM's command line, e.g. a list item that begins with a
    dash. They are refused here: a near miss would start a service that was not asked for.
    """
    model = facts.resolved.value("model", "name")
    trouble = _no_model(model) if isinstance(model, str) else None
    if trouble is not None:
        yield RULE.finding(
            f"the model's name {trouble}", facts.place(("model", "name")).value,
            key=("model", "name"), label="name a repository, or a folder",
        )  # fmt: skip
    for setting in facts.settings:
        if setting.option is None or problem_of(setting.option, setting.value):
            continue
        yield from _of_items(facts, setting, setting.option) or _refused(
            facts, setting, setting.option, setting.value, setting.key
        )


def _of_items(facts: Facts, setting: EngineSetting, option: Option) -> list[Diagnostic]:
    """What is wrong with adapters of a list, each looked at by itself."""
    if option.kind is not Kind.LORA_MODULES or not isinstance(setting.value, list):
        return []
    return [
        finding
        for place, module in enumerate(setting.value)
        for finding in _refused(facts, setting, option, module, (*setting.key, place))
    ]


def _refused(
    facts: Facts, setting: EngineSetting, option: Option, value: Value, key: KeyPath
) -> Iterator[Diagnostic]:
    try:
        render_value(option, value)
    except Inexpressible as error:
        yield RULE.finding(
            f"`{setting.name}` cannot be given to vLLM: {error}",
            facts.resolved.places.get(key, setting.place).value,
            key=key,
        )


def _no_model(name: str) -> str | None:
    """Why this cannot be the word behind `vllm serve`."""
    if not name.strip():
        return "is blank"
    if name.startswith("-"):
        return "starts with a dash: vLLM would take it for an option"
    return unspeakable(name)


RULE = Rule("MX251", "inexpressible", Severity.ERROR, check)
