"""The environment and the command line as layers: each trap of pydantic-settings is a test."""

import pytest

from mixvllm.core.origin import CliFlag, EnvVar
from tests.settings.resolving import resolved, shown

PROFILE = "model: m\nserver:\n  port: 1000\n  root_path: /x\n"


def port(environ: dict[str, str] | None = None, cli: dict[str, str] | None = None) -> object:
    found = resolved(PROFILE, environ=environ, cli=cli)
    assert found.diagnostics == ()
    assert found.profile is not None
    return found.profile.server.port


def test_the_command_line_beats_the_environment_beats_the_profile() -> None:
    assert port() == 1000
    assert port({"MIXVLLM_SERVER__PORT": "2000"}) == 2000
    assert port({"MIXVLLM_SERVER__PORT": "2000"}, {"server.port": "3000"}) == 3000


def test_each_value_knows_who_set_it_and_whom_it_overrode() -> None:
    found = resolved(PROFILE, environ={"MIXVLLM_SERVER__PORT": "2000"}, cli={"server.port": "3000"})
    assert found.origin(("server", "port")) == CliFlag("--set server.port")
    assert [str(lost.place.value) for lost in found.overridden[("server", "port")]] == [
        "MIXVLLM_SERVER__PORT",
        "profile.yaml:3:9",
    ]
    assert str(found.origin(("server", "root_path"))) == "profile.yaml:4:14"
    assert str(found.origin(("server", "host"))) == "default of mixvllm"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("MIXVLLM_SERVER_PORT", "MIXVLLM_SERVER__PORT"),
        ("MIXVLLM_SERVERS__PORT", "MIXVLLM_SERVER__PORT"),
        ("MIXVLLM_SERVER__PROT", "MIXVLLM_SERVER__PORT"),
        ("MIXVLLM_MODLE", "MIXVLLM_MODEL"),
    ],
)
def test_an_unknown_variable_is_no_silence(name: str, meant: str) -> None:
    (found,) = resolved("model: m\n", environ={name: "1"}).diagnostics
    assert (found.code, found.origin) == ("MX100", EnvVar(name))
    assert found.label == f"did you mean {meant}?"


def test_an_empty_variable_counts_as_not_set() -> None:
    assert port({"MIXVLLM_SERVER__PORT": ""}) == 1000


def test_a_list_may_be_json_or_comma_separated() -> None:
    for text in ("0,2", "[0, 2]", " 0 , 2 "):
        found = resolved("model: m\n", environ={"MIXVLLM_GPUS__SELECT": text})
        assert found.profile is not None, text
        assert found.profile.gpus.select == [0, 2]
    auto = resolved("model: m\n", environ={"MIXVLLM_GPUS__SELECT": "auto"})
    assert auto.profile is not None
    assert auto.profile.gpus.select == "auto"


def test_a_broken_value_does_not_hide_the_others() -> None:
    found = resolved(
        "model: m\n",
        environ={"MIXVLLM_SERVER": "{bad", "MIXVLLM_OPS__PORT": "x", "MIXVLLM_NOPE": "1"},
    )
    assert sorted(shown(found.diagnostics)) == [
        "MX100 MIXVLLM_NOPE",
        "MX110 MIXVLLM_OPS__PORT",
        "MX110 MIXVLLM_SERVER",
    ]


def test_a_section_may_be_json_and_keeps_the_other_keys() -> None:
    found = resolved(PROFILE, environ={"MIXVLLM_SERVER": '{"port": 7, "host": "::1"}'})
    assert found.profile is not None
    assert (found.profile.server.port, found.profile.server.host) == (7, "::1")
    assert found.profile.server.root_path == "/x"


def test_options_and_variables_of_vllm_can_be_set() -> None:
    found = resolved(
        "model: m\n",
        environ={"MIXVLLM_VLLM__ARGS__MAX_NUM_SEQS": "8", "MIXVLLM_VLLM__ENV__HF_HOME": "/x"},
        cli={"vllm.args.compilation-config.mode": "3", "vllm.args.seed": "1"},
    )
    assert found.diagnostics == ()
    assert found.value("vllm", "args") == {
        "max-num-seqs": "8", "compilation-config": {"mode": 3}, "seed": "1",
    }  # fmt: skip
    assert found.value("vllm", "env") == {"HF_HOME": "/x"}


def test_model_is_short_for_its_name() -> None:
    assert resolved("", environ={"MIXVLLM_MODEL": "a"}).value("model", "name") == "a"
    found = resolved("model: {name: a, revision: r}\n", cli={"model": "b"})
    assert (found.value("model", "name"), found.value("model", "revision")) == ("b", "r")


def test_an_unknown_key_of_the_command_line_is_refused() -> None:
    (found,) = resolved("model: m\n", cli={"server.prot": "1"}).diagnostics
    assert (found.code, found.label) == ("MX100", "did you mean `port`?")
    (found,) = resolved("model: m\n", cli={"server.port.x": "1"}).diagnostics
    assert (found.code, found.origin) == ("MX100", CliFlag("--set server.port.x"))


@pytest.mark.parametrize("text", ["true", "1", "yes", "on", "TRUE"])
def test_booleans_of_variables(text: str) -> None:
    found = resolved("model: m\n", environ={"MIXVLLM_TERMINAL__ENABLED": text})
    assert found.profile is not None
    assert found.profile.terminal.enabled is True


def test_a_secret_under_a_wrong_key_is_not_repeated() -> None:
    found = resolved(
        "model: m\nserver:\n  api_kee: sk-live-123456\n  port: sk-live-123456\n",
        environ={"MIXVLLM_SERVER__APIKEY": "sk-live-123456"},
    )
    assert len(found.diagnostics) == 4
    assert "sk-live" not in repr([(d.message, d.label, d.hint, d.fix) for d in found.diagnostics])
