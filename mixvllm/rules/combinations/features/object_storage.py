"""A model in an object store is streamed.

vLLM 0.32.0, `config/vllm.py`, `try_verify_and_update_config`.
"""

from collections.abc import Iterator
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Related, Severity
from mixvllm.rules.base import Facts, Rule

_STORES: Final = ("s3://", "gs://")
_STREAMS: Final = ("auto", "modelexpress", "runai_streamer", "runai_streamer_sharded")


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with a format that reads files."""
    form, model = facts.setting("load-format"), facts.resolved.value("model", "name")
    if form is None or not isinstance(form.value, str) or not isinstance(model, str):
        return
    if model.lower().startswith(_STORES) and form.value.lower() not in _STREAMS:
        yield RULE.finding(
            f"`{form.name}` contradicts the model's place: {form.value} reads files, and"
            " the model is in an object store",
            form.place.key, key=form.key, label="take it out, or write runai_streamer",
            related=(Related(facts.place(("model", "name")).value, "set here"),),
        )  # fmt: skip


RULE = Rule("MX241", "object-storage", Severity.ERROR, check)
