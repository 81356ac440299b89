"""MX225: a name that vLLM looks up in a list of its own, and that this release does not have.

vLLM 0.32.0: `config/model.py`, _verify_quantization; `model_executor/model_loader/__init__.py`,
get_model_loader; `config/attention.py`, validate_backend_before; `tokenizers/registry.py`,
load_tokenizer_cls; `entrypoints/launchers/launcher.py`, validate_api_server_args;
`reasoning/abs_reasoning_parsers.py`, get_reasoning_parser.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.values import problem_of
from mixvllm.settings.edit import flow
from mixvllm.settings.engine import EngineSetting
from mixvllm.vllm.models import Named, known_names
from mixvllm.vllm.slip import is_slip
from mixvllm.vllm.spans import Names

# What vLLM makes of a text before it looks it up: the validators of the same files.
_READ: Final[Mapping[Named, Callable[[str], str]]] = {
    "quantization": str.lower,
    "load-format": str.lower,
    "tokenizer-mode": str.lower,
    "attention-backend": str.upper,
    "tool-call-parser": str,
    "reasoning-parser": str,
}
# What became of names that were taken out of vLLM itself.
_INSTEAD: Final[Mapping[str, str]] = {
    "gguf": "the package vllm-gguf-plugin, installed beside vLLM, brings it back",
    "bitsandbytes": "name a checkpoint in AWQ, GPTQ or FP8, or quantise this one: fp8_per_tensor",
}
_BY_A_PLUGIN: Final = ("gguf",)
_NEAR: Final = 0.75  # none is as near to online, and nvfp4 to mxfp4, as 0.6


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The parser takes any text here, because plugins may bring names; the text is looked up
    later, and what is not in the list ends the start.
    """
    for option, read in _READ.items():
        setting = facts.setting(option)
        if setting is None or not _is_looked_up(facts, option, setting):
            continue
        names = known_names(option, facts.options.release)
        if names is None:
            continue
        written = str(setting.value)
        known = {read(name): name for name in names}
        if read(written) not in known:
            yield _unknown(facts, setting, names, written, known)


def _is_looked_up(facts: Facts, option: Named, setting: EngineSetting) -> bool:
    """Whether vLLM asks its own list, and no other rule has spoken of the value."""
    value = setting.value
    if setting.option is None or not isinstance(value, str) or not value:
        return False
    if (setting.option.null_text or setting.option.optional) and value == "None":
        return False  # vLLM's parser reads it as null
    if problem_of(setting.option, value):
        return False
    match option:
        case "tool-call-parser":
            used = facts.switched_on("enable-auto-tool-choice") is not None
            return used and not facts.value_of("tool-parser-plugin")
        case "reasoning-parser":
            return not facts.value_of("reasoning-parser-plugin")
        case "tokenizer-mode":
            return facts.switched_on("skip-tokenizer-init") is None
    return True


def _unknown(
    facts: Facts, setting: EngineSetting, names: Names, written: str, known: Mapping[str, str]
) -> Diagnostic:
    release = facts.options.release
    message = f"vLLM {release} knows no `{setting.name}: {written}`"
    label, near, slip, certain = "", "", False, True
    spelled = next(
        (name for name in names.of_all_releases if name.lower() == written.lower()), written
    )
    if gone := names.removed_in(spelled):
        message = f"`{setting.name}: {written}` was removed in {gone}"
    elif later := names.added_in(spelled):
        label = f"vLLM {later} has it"
    elif near := _near(written, known):
        label = f"did you mean `{near}`?"
        slip = is_slip(written, near, names)
        certain = slip or near.lower().startswith(written.lower())
    else:
        certain = False
    certain = certain and not _has_plugins(facts) and spelled not in _BY_A_PLUGIN
    plugin = "" if certain else "a plugin may bring it; "
    names_known = f"{plugin}{len(known)} names are known: {', '.join(sorted(known.values()))}"
    return RULE.finding(
        message,
        setting.place.value,
        key=setting.key,
        label=label,
        hint=_INSTEAD.get(spelled) or names_known,
        fix=flow(near) if near else None,
        safe=slip and certain,
        severity=None if certain else Severity.WARNING,
    )


def _near(written: str, known: Mapping[str, str]) -> str:
    """The name that may have been meant, in whatever case; "" for none."""
    from difflib import get_close_matches  # most names are known

    folded = {name.lower(): name for name in known.values()}
    longer = [name for name in folded if name.startswith(written.lower())]
    near = get_close_matches(written.lower(), longer, 1, 0) or get_close_matches(
        written.lower(), folded, 1, _NEAR
    )
    return folded[near[0]] if near else ""


def _has_plugins(facts: Facts) -> bool:
    """Whether vLLM is told to load plugins by name, each of which may register more names."""
    told = facts.variable("VLLM_PLUGINS")
    return told is not None and bool(told[0].strip())


RULE = Rule("MX225", "unknown-name", Severity.ERROR, check)
