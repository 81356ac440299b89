"""MX707: a model that nobody can chat with.

vLLM 0.32.0, `renderers/hf.py`, resolve_chat_template.
"""

from collections.abc import Iterator

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules.base import Facts, Rule
from mixvllm.rules.model_files import abilities, of_the_model, written_config

# vLLM brings a template of its own for these model types (all releases from 0.12 on).
_OWN = {
    "blip-2", "chameleon", "clip", "colpali", "deepseek_ocr", "deepseek_ocr2", "deepseek_vl_v2",
    "fuyu", "minicpm_ocr", "minicpmv", "minicpmv4_6", "minicpmv4_7", "paligemma", "qwen", "siglip",
    "siglip2", "unlimited-ocr", "unlimited_ocr",
}  # fmt: skip
# These come with a way of their own to write a conversation (`config/model.py`, tokenizer_mode).
_NO_TEMPLATE = (
    "MoonshotKimia", "KimiK3", "DeepseekV32", "DeepseekV4", "Inkling", "Pixtral", "Voxtral",
)  # fmt: skip


def check(facts: Facts) -> Iterator[Diagnostic]:
    """The chat endpoint turns a conversation into text by a template. Without one it refuses
    every request; completions are served all the same.
    """
    config, tokenizer, able = written_config(facts), facts.tokenizer, abilities(facts)
    if config is None or tokenizer is None or able is None or "g" not in able:
        return
    chats = not (
        "p" in able
        or "t" in able
        or facts.value_of("runner") not in (None, "auto", "generate")
        or facts.value_of("convert") not in (None, "auto", "none")
        or (facts.checkpoint is not None and "modules.json" in facts.checkpoint.names)
    )
    given = facts.value_of("chat-template") or tokenizer.has_chat_template
    if (
        not chats
        or given
        or config.model_type in _OWN
        or config.architectures[0].startswith(_NO_TEMPLATE)
        or facts.value_of("tokenizer-mode") not in (None, "auto", "hf", "slow")
        or facts.value_of("skip-tokenizer-init") is True
        or "tokenizer_config.json" in {broken.name for broken in tokenizer.broken}
        or not tokenizer.has_tokenizer
    ):
        return
    yield of_the_model(
        RULE, facts,
        "the model brings no chat template: /v1/chat/completions will refuse every request",
        label="a base model? /v1/completions works",
        hint="name a template with model.chat_template, or the model's instruction-tuned variant",
    )  # fmt: skip


RULE = Rule("MX707", "chat-template", Severity.WARNING, check)
