"""MX710: a model's folder without a tokenizer.

vLLM 0.32.0, `tokenizers/registry.py`, and transformers' AutoTokenizer.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import abilities, complete, of_the_model


def check(facts: Facts) -> Iterator[Diagnostic]:
    """Text becomes tokens by a vocabulary, which is in a file beside the weights. A folder that
    holds only what a training run wrote often lacks it.
    """
    able, checkpoint = abilities(facts), complete(facts)
    if (
        checkpoint is None
        or able is None
        or not checkpoint.weights.files  # an empty folder has a finding of its own
        or facts.setting("tokenizer") is not None
        or facts.value_of("skip-tokenizer-init") is True
        or facts.value_of("tokenizer-mode") not in (None, "auto", "hf", "slow")
    ):
        return
    if not checkpoint.has_tokenizer:
        yield of_the_model(
            RULE, facts,
            f"{checkpoint.folder} holds no tokenizer: no tokenizer.json, and nothing like it",
            hint="copy the tokenizer of the model it was trained from, or name it: model.tokenizer",
        )  # fmt: skip


RULE = Rule("MX710", "tokenizer-files", Severity.ERROR, check)
