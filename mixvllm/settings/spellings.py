"""An option of vLLM through two keys, in two layers: the stronger layer has its way.

``--tp 4`` over ``vllm.args.tensor-parallel-size`` in the profile sets the same option under
another key. Within one layer that is a contradiction, which a rule reports; between layers it
is what overriding means.
"""

from collections.abc import Iterator

from mixvllm.core.origin import KeyPath
from mixvllm.settings.fields import all_fields
from mixvllm.settings.layers import Layer, get
from mixvllm.settings.typed import json_object
from mixvllm.vllm.options import newest, options_of

_ARGS: KeyPath = ("vllm", "args")


def give_way(low: Layer, high: Layer) -> None:
    """Take out of ``low`` what ``high`` sets under another key, and all that it had overridden."""
    winners = dict(_options(high))
    if not winners:
        return
    for name, path in list(_options(low)):
        winner = winners.get(name)
        if winner is None or winner == path:
            continue
        high.lose(winner, *low.overridden.pop(path, ()))
        lost = low.forget(path)
        if lost is not None:
            high.lose(winner, lost)


def _options(layer: Layer) -> Iterator[tuple[str, KeyPath]]:
    """The options a layer sets, by their names in vLLM, with the keys that set them."""
    for field in all_fields():
        if field.engine_option and field.path in layer.places:
            yield field.engine_option, field.path
    args = get(layer.values, _ARGS)
    if isinstance(args, dict) and args:
        options = options_of(newest())
        for name in args:
            option = options.find(name)
            yield (option.name if option else name), (*_ARGS, name)


def open_texts(layers: tuple[Layer, ...]) -> None:
    """JSON options that one layer sets as a whole text, and another key by key, become mappings.

    So that ``--set vllm.args.compilation-config.mode=3`` keeps the other keys of the text.
    """
    above: set[str] = set()
    for i, layer in reversed(list(enumerate(layers))):
        args = get(layer.values, _ARGS)
        if not isinstance(args, dict):
            continue
        for name, value in list(args.items()):
            path = (*_ARGS, name)
            if name in above and (whole := json_object(value)) is not None:
                layer.put(path, whole, layer.places[path])
                for weaker in layers[:i]:  # a whole text takes the place of theirs
                    layer.lose(path, *weaker.overridden.pop(path, ()))
                    lost = weaker.forget(path)
                    if lost is not None:
                        layer.lose(path, lost)
            elif isinstance(value, dict):
                above.add(name)
