"""vLLM's options as the layers set them: which one wins, and what it means."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mixvllm.core.origin import FileSpan
from mixvllm.settings.engine import engine_settings
from mixvllm.vllm.options import options_of
from tests.settings.resolving import resolved

M = "model: m\n"
ARGS = M + "vllm:\n  args:\n"


def options(text: str, **layers: Mapping[str, str]) -> dict[str, object]:
    found = resolved(text, path=Path("/srv/p/profile.yaml"), **layers)
    assert found.diagnostics == ()
    settings = engine_settings(found, options_of("0.32.0"))
    return {s.name: s.value for s in settings if s.name not in ("host", "port")}


@pytest.mark.parametrize(
    ("text", "cli", "expected"),
    [
        ("    tensor-parallel-size: 2\n", {"inference.tensor_parallel_size": "4"},
         {"tensor-parallel-size": 4}),
        ("    -tp: 2\n", {"inference.tensor_parallel_size": "4"}, {"tensor-parallel-size": 4}),
        ("    -tp: 2\n", {}, {"-tp": 2}),
        ("    dtype: half\n", {"vllm.args.-tp": "4"}, {"dtype": "half", "-tp": 4}),
        ("    compilation-config: '{\"mode\": 3}'\n",
         {"vllm.args.compilation-config.cudagraph_mode": "NONE"},
         {"compilation-config": {"mode": 3, "cudagraph_mode": "NONE"}}),
        ("    compilation-config: {mode: 3}\n", {"vllm.args.compilation-config": '{"x": 1}'},
         {"compilation-config": {"x": 1}}),
        ("    seed: 1\n", {"vllm.args": '{"dtype": "half"}'}, {"seed": 1, "dtype": "half"}),
        ("    seed: 1\n", {"vllm.args.lora-modules": '{"name": "a", "path": "b"}'},
         {"seed": 1, "lora-modules": [{"name": "a", "path": "b"}]}),
        ("    chat-template: ./t.jinja\n    ssl-certfile: a.pem\n", {},
         {"chat-template": "/srv/p/t.jinja", "ssl-certfile": "/srv/p/a.pem"}),
        ("    speculative-config:\n      n: ${env:N}\n      k: '${env:N}'\n", {},
         {"speculative-config": {"n": 3, "k": "3"}}),
    ],
)  # fmt: skip
def test_an_option_means_what_its_writer_meant(
    text: str, cli: dict[str, str], expected: dict[str, object]
) -> None:
    assert options(ARGS + text, cli=cli, environ={"N": "3"}) == expected


def test_the_stronger_layer_remembers_what_it_overrode() -> None:
    text = ARGS + "    dtype: half\n"
    found = resolved(text, environ={"MIXVLLM_INFERENCE__DTYPE": "auto"})
    (lost,) = found.overridden[("inference", "dtype")]
    assert isinstance(lost.place.value, FileSpan)
    assert (lost.key, lost.value) == (("vllm", "args", "dtype"), "half")
    assert (lost.place.value.line, found.value("vllm", "args")) == (4, {})


def test_a_merge_key_gives_way_in_any_spelling() -> None:
    text = M + "x-a: &a {max-num-seqs: 1}\ninference: {<<: *a, max_num_seqs: 2}\n"
    assert options(text) == {"max-num-seqs": 2}


def test_every_variable_of_an_object_has_an_origin() -> None:
    found = resolved(M, cli={"vllm.env": '{"A": "b"}'})
    assert str(found.origin(("vllm", "env", "A"))) == "--set vllm.env"


def test_texts_keep_their_types_and_names() -> None:
    assert resolved(M, cli={"vllm.command": "a, b"}).value("vllm", "command") == "a, b"
    found = resolved(M, environ={"MIXVLLM_VLLM__ENV__MY__VAR": "1"})
    assert found.value("vllm", "env") == {"MY__VAR": "1"}


@pytest.mark.parametrize("text", ["8_001", "\uff18\uff10", " 8001", "+-1"])
def test_digits_are_those_of_yaml(text: str) -> None:
    (found,) = resolved(M, cli={"server.port": text}).diagnostics
    assert found.code == "MX110"


@pytest.mark.parametrize("text", ['{"port": 1, "port": 2}', '{"api_key": ["x"]}', '{"port": "8"}'])
def test_json_is_taken_at_its_word(text: str) -> None:
    found = resolved(M, environ={"MIXVLLM_SERVER": text})
    assert [d.code for d in found.diagnostics] == ["MX110"]
