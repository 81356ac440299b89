"""The checks that go beyond types: one rule a file, one code a rule.

To add one: write the file, put it into ``ALL``, write its page in docs/rules/, done; the page
is the test. A file that is not named after a code holds what rules share.
"""

import importlib
from collections.abc import Iterator
from typing import Final

from mixvllm.rules import (
    mx010_yaml11_word,
    mx023_glued_comment,
    mx111_not_finite,
    mx115_vllm_version,
    mx117_one_engine,
    mx118_vllm_command,
    mx200_unknown_option,
    mx202_boolean_as_string,
    mx203_not_a_choice,
    mx204_out_of_range,
    mx205_number_suffix,
    mx207_null,
    mx211_deprecated_option,
    mx213_new_default,
    mx220_json_key,
    mx222_string_for_list,
    mx223_wrong_type,
    mx224_json_value,
    mx225_unknown_name,
    mx230_option_twice,
    mx231_managed_option,
    mx232_workers,
    mx251_inexpressible,
    mx300_environment,
    mx401_gpu_twice,
    mx402_more_ranks,
    mx403_gpu_variable,
    mx405_no_card,
    mx426_gguf_model,
    mx435_uuid_not_read,
    mx600_plain_secret,
    mx601_open_terminal,
    mx602_cors,
    mx603_trust_remote_code,
    mx604_open_api,
    mx606_api_key,
    mx608_secret_in_argv,
    mx609_open_ops,
    mx700_model_folder,
    mx701_quantization_name,
    mx713_sampling_defaults,
    mx804_same_port,
)
from mixvllm.rules.base import Rule

# Rules about a model's files, which are imported only where there are any.
_OF_THE_FILES: Final = (
    "mx414_copied_kv_heads",
    "mx422_quantization_dtype",
    "mx427_deprecated_checkpoint",
    "mx702_plain_weights",
    "mx703_other_quantization",
    "mx704_context_too_long",
    "mx705_heads",
    "mx706_pipeline",
    "mx707_chat_template",
    "mx708_weight_files",
    "mx709_pickled_weights",
    "mx710_tokenizer_files",
    "mx711_custom_code",
    "mx712_architecture",
    "mx714_float16",
    "mx715_not_fetched",
    "mx716_adapter",
    "mx717_runner",
    "mx718_torn_file",
    "mx719_no_experts",
)
# Rules about the cards of a machine, about the memory on them, and about the rest of it.
_OF_THE_CARDS: Final = (
    "mx400_gpu_not_there",
    "mx404_card_memory",
    "mx406_sick_card",
    "mx420_card_dtype",
    "mx421_card_quantization",
    "mx423_unpacked_weights",
    "mx424_card_kv_cache",
    "mx425_card_attention_backend",
    "mx430_no_place",
    "mx431_mixed_cards",
    "mx432_far_cards",
    "mx433_busy_card",
    "mx434_sliced_card",
)
_OF_THE_MEMORY: Final = (
    "mx410_does_not_fit",
    "mx411_context_does_not_fit",
    "mx412_memory_in_use",
    "mx413_may_not_fit",
)
_OF_THE_MACHINE: Final = (
    "mx407_hidden_cards",
    "mx802_address",
    "mx805_tls",
    "mx807_key_open",
    "mx808_log_folder",
    "mx810_model_cache",
    "mx812_open_files",
    "mx813_shared_memory",
    "mx814_inherited_variable",
    "mx816_foreign_address",
    "mx817_sockets",
    "mx818_cpu_memory",
    "mx819_cpu_binding",
)


def of_the_files() -> Iterator[Rule]:
    """The rules that speak of a model's files, and of nothing else."""
    return map(_rule, _OF_THE_FILES)


def of_the_cards() -> Iterator[Rule]:
    """The rules that compare the profile with an inventory."""
    return map(_rule, _OF_THE_CARDS)


def of_the_memory() -> Iterator[Rule]:
    """The rules that speak of the forecast: of a model's files and a machine's cards."""
    return map(_rule, _OF_THE_MEMORY)


def of_the_machine() -> Iterator[Rule]:
    """The rules that speak of what was seen of this machine."""
    return map(_rule, _OF_THE_MACHINE)


def _rule(name: str) -> Rule:
    rule: Rule = importlib.import_module(f"mixvllm.rules.{name}").RULE
    return rule


ALL: tuple[Rule, ...] = (
    mx010_yaml11_word.RULE,
    mx023_glued_comment.RULE,
    mx111_not_finite.RULE,
    mx115_vllm_version.RULE,
    mx117_one_engine.RULE,
    mx118_vllm_command.RULE,
    mx200_unknown_option.RULE,
    mx202_boolean_as_string.RULE,
    mx203_not_a_choice.RULE,
    mx204_out_of_range.RULE,
    mx205_number_suffix.RULE,
    mx207_null.RULE,
    mx211_deprecated_option.RULE,
    mx213_new_default.RULE,
    mx220_json_key.RULE,
    mx222_string_for_list.RULE,
    mx223_wrong_type.RULE,
    mx224_json_value.RULE,
    mx225_unknown_name.RULE,
    mx230_option_twice.RULE,
    mx231_managed_option.RULE,
    mx232_workers.RULE,
    mx251_inexpressible.RULE,
    mx300_environment.RULE,
    mx401_gpu_twice.RULE,
    mx402_more_ranks.RULE,
    mx403_gpu_variable.RULE,
    mx405_no_card.RULE,
    mx426_gguf_model.RULE,
    mx435_uuid_not_read.RULE,
    mx600_plain_secret.RULE,
    mx601_open_terminal.RULE,
    mx602_cors.RULE,
    mx603_trust_remote_code.RULE,
    mx604_open_api.RULE,
    mx606_api_key.RULE,
    mx608_secret_in_argv.RULE,
    mx609_open_ops.RULE,
    mx700_model_folder.RULE,
    mx701_quantization_name.RULE,
    mx713_sampling_defaults.RULE,
    mx804_same_port.RULE,
)
