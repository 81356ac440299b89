"""Invented weights have no loader to set up.

vLLM 0.32.0, `model_executor/model_loader/dummy_loader.py`, `DummyModelLoader.__init__`.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.combinations.inside import inside
from mixvllm.rules.combinations.pairs import contradicts


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Refused with anything for the loader."""
    extra, form = facts.setting("model-loader-extra-config"), facts.setting("load-format")
    if extra is None or form is None or not inside(facts, "model-loader-extra-config"):
        return
    if isinstance(form.value, str) and form.value.lower() == "dummy":
        yield contradicts(
            RULE, extra, form, "invented weights are not read from files",
            remedy="take one of the two out",
        )  # fmt: skip


RULE = Rule("MX241", "dummy-weights", Severity.ERROR, check)
