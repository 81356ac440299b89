"""MX603: code of the model's repository runs here."""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.settings.paths import is_local_path


def check(facts: Facts) -> Iterator[Diagnostic]:
    """``trust_remote_code`` runs Python from the model's repository, with your rights, in
    whatever state the repository is at the start. A pinned revision makes it the code you read.
    """
    setting = facts.setting("trust-remote-code")
    model = facts.resolved.value("model", "name")
    if setting is None or setting.value is not True:
        return
    if isinstance(model, str) and is_local_path(model):
        return
    pinned = facts.setting("revision") is not None or facts.setting("code-revision") is not None
    if not pinned:
        yield RULE.finding(
            "trust_remote_code runs code from the model's repository, whatever it is that day",
            setting.place.key,
            key=setting.key,
            label="pin `revision`, to the commit that was read",
        )


RULE = Rule("MX603", "trust-remote-code", Severity.WARNING, check)
