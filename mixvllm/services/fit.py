"""Use case: say whether a profile's model fits, and with how much context."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.core.errors import MachineFault, ProfileFault
from mixvllm.forecast.document import document
from mixvllm.forecast.forecast import Forecast, forecast
from mixvllm.forecast.model import Model
from mixvllm.forecast.suggestions import Suggestion, suggestions
from mixvllm.forecast.verdict import Verdict
from mixvllm.rules.base import Facts
from mixvllm.services.check import Checked
from mixvllm.services.look.machine import with_the_cards
from mixvllm.services.look.memory import model_at_hand, model_of, question_of, target_of
from mixvllm.services.look.model import with_the_model
from mixvllm.settings.paths import is_local_path

_TOLD: Final = {"MX410", "MX411"}


@dataclass(frozen=True)
class Fitted:
    """The forecast of a profile, and what is wrong with the profile itself."""

    checked: Checked
    forecast: Forecast

    @cached_property
    def suggestions(self) -> tuple[Suggestion, ...]:
        """What would make it fit, or hold more."""
        return suggestions(self.forecast)

    @property
    def exit_code(self) -> int:
        """1 where it does not fit, or the profile has errors of its own."""
        return int(self.forecast.verdict is Verdict.DOES_NOT_FIT or bool(own_errors(self.checked)))

    def as_json(self) -> dict[str, object]:
        """The document of `fit --format json` (docs/json.md)."""
        return {
            **document(self.forecast, self.suggestions),
            "profile": str(self.checked.resolved.path),
            "host": self.checked.facts.host,
            "diagnostics": [d.as_json() for d in own_errors(self.checked)],
        }


def own_errors(checked: Checked) -> tuple[Diagnostic, ...]:
    """The findings that forbid a start, without those that the forecast itself tells."""
    found = (d for d in checked.diagnostics if d.severity is Severity.ERROR)
    return tuple(d for d in found if d.code not in _TOLD)


def fit(checked: Checked, environ: Mapping[str, str], *, online: bool = False) -> Fitted:
    """Make the forecast. ``online``: what is not on this machine is asked of the Hub.

    Raises:
        ProfileFault: the profile cannot be understood.
        MachineFault: the model's configuration is not at hand, or a file cannot be read.
    """
    facts = checked.facts
    if not checked.resolved.values:
        raise ProfileFault(
            f"{checked.resolved.path} cannot be understood; nothing was forecast",
            checked.diagnostics,
        )
    if facts.forecast is not None and not online:
        return Fitted(checked, facts.forecast)
    if facts.checkpoint is None:  # not looked for where the profile is for another machine
        facts = with_the_model(facts, environ)
    model = _model(facts, online=online)
    if facts.inventory is None and facts.machine and target_of(facts).device != "cpu":
        facts = with_the_cards(replace(facts, environ=environ))
    return Fitted(checked, forecast(question_of(facts, model, facts.inventory)))


def _model(facts: Facts, *, online: bool) -> Model:
    if facts.checkpoint is not None:
        found = model_at_hand(facts, facts.checkpoint)
        if found is not None and (found.tensors or found.total or not online):
            return found
    name = facts.resolved.value("model", "name")
    if not isinstance(name, str):
        raise MachineFault("the profile names no model", hint="set model.name")
    if name.endswith(".gguf"):
        raise MachineFault(
            f"{name} is a GGUF file: what it takes is not worked out here",
            hint="a folder or repository with config.json and safetensors can be forecast",
        )
    if is_local_path(name):
        raise MachineFault(
            f"there is no config.json of a model in {name}",
            hint="model.name is a repository, or a folder with config.json and the weights",
        )
    if not online:
        raise MachineFault(
            f"{name} is not on this machine",
            hint="--online reads its config.json and the headers of its weights from the Hub;"
            f" `hf download {name}` fetches it",
        )
    from mixvllm.services.hub import read_remote

    revision = facts.value_of("revision")
    remote = read_remote(name, revision if isinstance(revision, str) else None)
    return model_of(facts, remote.config, remote.tensors, files=remote.files)
