"""The checks that go beyond types: one rule a file, one code a rule.

To add one: write the file, put it into ``ALL``, write its page in docs/rules/, done; the page
is the test.
"""

from mixvllm.rules import (
    mx010_yaml11_word,
    mx200_unknown_option,
    mx202_boolean_as_string,
    mx203_not_a_choice,
    mx204_out_of_range,
    mx205_number_suffix,
    mx207_null,
    mx211_deprecated_option,
    mx220_json_key,
    mx222_string_for_list,
    mx223_wrong_type,
    mx230_option_twice,
    mx231_managed_option,
    mx232_workers,
    mx240_needs_another,
    mx241_contradiction,
    mx251_inexpressible,
    mx300_environment,
    mx401_gpu_twice,
    mx403_gpu_variable,
    mx600_plain_secret,
    mx602_cors,
    mx603_trust_remote_code,
    mx604_open_api,
    mx700_model_folder,
    mx701_quantization_name,
)
from mixvllm.rules.base import Rule

ALL: tuple[Rule, ...] = (
    mx010_yaml11_word.RULE,
    mx200_unknown_option.RULE,
    mx202_boolean_as_string.RULE,
    mx203_not_a_choice.RULE,
    mx204_out_of_range.RULE,
    mx205_number_suffix.RULE,
    mx207_null.RULE,
    mx211_deprecated_option.RULE,
    mx220_json_key.RULE,
    mx222_string_for_list.RULE,
    mx223_wrong_type.RULE,
    mx230_option_twice.RULE,
    mx231_managed_option.RULE,
    mx232_workers.RULE,
    mx240_needs_another.RULE,
    mx241_contradiction.RULE,
    mx251_inexpressible.RULE,
    mx300_environment.RULE,
    mx401_gpu_twice.RULE,
    mx403_gpu_variable.RULE,
    mx600_plain_secret.RULE,
    mx602_cors.RULE,
    mx603_trust_remote_code.RULE,
    mx604_open_api.RULE,
    mx700_model_folder.RULE,
    mx701_quantization_name.RULE,
)
