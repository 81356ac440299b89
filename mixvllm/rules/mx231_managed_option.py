"""MX231: an option of vLLM that mixvllm itself sets."""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.origin import Default
from mixvllm.rules.base import Facts, Rule

INSTEAD: Final = {
    "config": "write `extends: FILE`: vLLM's own loader would hide where values come from",
    "model": "write `model: NAME`",
    "model-tag": "write `model: NAME`",
    "api-key": "write server.api_key or server.api_key_file: argv is open to every user",
    "hf-token": "write vllm.env HF_TOKEN: argv is open to every user",
    "host": "write server.host",
    "port": "write server.port",
    "uds": "write server.host and server.port: the supervisor asks the engine over TCP",
    "help": "see `vllm serve --help=all`",
    "version": "see `vllm --version`",
    "grpc": "the supervisor asks the engine over HTTP",
}


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The supervisor must know these, or they would put a secret into argv."""
    for setting in facts.settings:
        if setting.named or setting.option is None or setting.option.name not in INSTEAD:
            continue
        named = facts.setting(setting.option.name)
        if named is not None and named.named and not isinstance(named.place.key, Default):
            continue  # set twice: MX230 names both places
        name = setting.option.name
        label = INSTEAD[name].replace("FILE", str(setting.value))
        yield RULE.finding(
            f"`{name}` is managed by mixvllm", setting.place.key, key=setting.key, label=label
        )


RULE = Rule("MX231", "managed-option", Severity.ERROR, check)
