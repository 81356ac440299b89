"""Values as they may be shown."""

import pytest

from mixvllm.settings.layers import Value
from mixvllm.settings.veil import veiled

ARGS = ("vllm", "args", "x")


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        (("server", "api_key"), "hunter2-hunter2", "***"),
        (("server", "api_key"), None, None),
        (("vllm", "env", "HF_TOKEN"), 12345, "***"),
        (("vllm", "args", "hf-token"), True, "***"),
        (ARGS, {"a": {"password": "hunter2"}, "b": 1}, {"a": {"password": "***"}, "b": 1}),
        (ARGS, '{"api_key": "hunter2", "b": [1]}', '{"api_key": "***", "b": [1]}'),
        (ARGS, ["run", "--api-key", "hunter2", "x"], ["run", "--api-key", "***", "x"]),
        (ARGS, [], []),
        (ARGS, ["-e", "HF_TOKEN=hunter2"], ["-e", "HF_TOKEN=*******"]),
        (ARGS, "hf_abcdefgh12345678", "***"),
        (ARGS, "a secret-word here", "a *** here"),
        (ARGS, "http://user:hunter2@host/", "***"),
        (("inference", "dtype"), "bfloat16", "bfloat16"),
        (("server", "port"), 8000, 8000),
        (("terminal", "auth"), "none", "none"),
    ],
)
def test_a_value_is_shown_without_its_secrets(
    path: tuple[str, ...], value: Value, shown: Value
) -> None:
    assert veiled(path, value, frozenset({"secret-word", "a"})) == shown
