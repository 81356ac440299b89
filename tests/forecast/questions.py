"""Questions for the forecast: public models on cards, with settings as a profile has them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mixvllm.forecast.asked import Asked
from mixvllm.forecast.cards import Card
from mixvllm.forecast.deployment import Target
from mixvllm.forecast.forecast import Question
from mixvllm.forecast.interval import Interval
from mixvllm.forecast.model import Model
from mixvllm.settings.layers import Value
from mixvllm.testing.checkpoint_shapes import tensors_of
from mixvllm.testing.public_configs import PUBLIC
from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.options import UNSET, options_of

GIB = 2**30
RELEASE = "0.32.0"


@dataclass(frozen=True)
class Options:
    """A profile's options, and the release's defaults, as the facts of a check give them."""

    given: Mapping[str, Value] = field(default_factory=dict)
    release: str = RELEASE

    def value_of(self, name: str) -> Value:
        if name in self.given:
            return self.given[name]
        option = options_of(self.release).find(name)
        return None if option is None or option.default is UNSET else option.default


def asked(release: str = RELEASE, **given: Value) -> Asked:
    return Asked(Options({k.replace("_", "-"): v for k, v in given.items()}, release))


def model(name: str = "Qwen/Qwen3-8B") -> Model:
    return Model(name, ModelConfig(PUBLIC[name]), tensors_of(PUBLIC[name]), files=1)


def card(
    gib: float, *, free: float | None = None, capability: tuple[int, int] | None = (9, 0),
    place: str = "card 0", name: str = "NVIDIA X",
) -> Card:  # fmt: skip
    """A card with so many GiB, as CUDA tells them; NVML tells half a GiB more."""
    return Card(
        place, name, Interval.exactly(int(gib * GIB)), int((gib + 0.5) * GIB),
        None if free is None else int(free * GIB), capability,
    )  # fmt: skip


def question(
    name: str = "Qwen/Qwen3-8B", *cards: Card, live: bool = False, device: str = "cuda",
    environ: Mapping[str, str] | None = None, release: str = RELEASE, **given: Value,
) -> Question:  # fmt: skip
    target = Target(release, device, environ or {})
    return Question(asked(release, **given), model(name), target, cards, live=live)
