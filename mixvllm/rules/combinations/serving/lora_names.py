"""An adapter has its name for itself.

vLLM 0.32.0, `entrypoints/openai/models/serving.py`, `OpenAIServingModels.init_static_loras`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.settings.layers import Value
from mixvllm.settings.typed import json_object


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The start fails at the second adapter of a name."""
    modules = facts.setting("lora-modules")
    if modules is None or not isinstance(modules.value, list):
        return
    names = Counter(name for item in modules.value if (name := _name(item)))
    for name, count in names.items():
        if count > 1:
            yield RULE.finding(
                f"`{modules.name}` has {count} adapters of the name {name}",
                modules.place.value, key=modules.key, label="a name for each",
            )  # fmt: skip


def _name(module: Value) -> str:
    """What clients call an adapter: `name=path`, or an object in JSON or YAML."""
    if isinstance(module, str) and not module.lstrip().startswith("{"):
        return module.partition("=")[0] if "=" in module else ""
    held = module if isinstance(module, Mapping) else json_object(module)
    name = None if held is None else held.get("name")
    return name if isinstance(name, str) else ""


RULE = Rule("MX241", "lora-names", Severity.ERROR, check)
