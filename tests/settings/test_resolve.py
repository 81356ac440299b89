"""The merge of the layers: pydantic-settings' and ours agree, and every leaf has an origin."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.core.origin import KeyPath
from mixvllm.settings.fields import all_fields
from mixvllm.settings.layers import Layer, Place, get
from mixvllm.settings.profile_layer import ProfileLayer
from mixvllm.settings.resolve import leaves, resolve
from mixvllm.settings.schema import Profile
from tests.settings.resolving import resolved, shown

_VALUES: dict[KeyPath, list[Any]] = {
    ("server", "port"): [1, 2, 3],
    ("server", "host"): ["a", "b"],
    ("inference", "dtype"): ["half", "auto", None],
    ("gpus", "select"): [[0], [1, 2], "auto"],
    ("supervisor", "restart", "max_restarts"): [0, 4],
    ("supervisor", "stop_grace"): [1.0, 5.0],
    ("vllm", "args", "seed"): [1, 2],
    ("vllm", "args", "compilation-config", "mode"): [0, 3],
    ("model", "revision"): ["r", None],
}
_CHOICES = st.fixed_dictionaries(
    {}, optional={path: st.sampled_from(values) for path, values in _VALUES.items()}
)


def put_all(layer: Layer, chosen: dict[KeyPath, Any]) -> None:
    from mixvllm.core.origin import CliFlag

    for path, value in chosen.items():
        layer.put(path, value, Place(CliFlag(layer.name), CliFlag(layer.name)))


@given(_CHOICES, _CHOICES, _CHOICES)
def test_both_merges_agree_and_the_winner_is_named(
    low: dict[KeyPath, Any], middle: dict[KeyPath, Any], high: dict[KeyPath, Any]
) -> None:
    profile, environment, command_line = ProfileLayer("low"), Layer("middle"), Layer("high")
    put_all(profile, {**low, ("model", "name"): "m"})
    put_all(environment, middle)
    put_all(command_line, high)
    found = resolve(profile, environment, command_line)
    assert found.diagnostics == ()
    assert found.profile is not None
    built = leaves(found.profile)
    for path in low | middle | high:
        name = "high" if path in high else "middle" if path in middle else "low"
        expected = {"high": high, "middle": middle, "low": low}[name][path]
        assert str(found.places[path].value) == name
        assert get(found.values, path) == expected
        assert built.get(path, expected) == expected
    assert found.profile.vllm.args == (get(found.values, ("vllm", "args")) or {})


@given(_CHOICES, _CHOICES, _CHOICES)
def test_what_was_overridden_is_remembered_with_its_value(
    low: dict[KeyPath, Any], middle: dict[KeyPath, Any], high: dict[KeyPath, Any]
) -> None:
    profile, environment, command_line = ProfileLayer("low"), Layer("middle"), Layer("high")
    put_all(profile, {**low, ("model", "name"): "m"})
    put_all(environment, middle)
    put_all(command_line, high)
    found = resolve(profile, environment, command_line)
    for path in low | middle | high:
        setters = [
            (name, chosen[path])
            for name, chosen in (("high", high), ("middle", middle), ("low", low))
            if path in chosen
        ]
        lost = [(str(loser.place.value), loser.value) for loser in found.overridden.get(path, ())]
        assert [(str(found.places[path].value), get(found.values, path)), *lost] == setters


def test_one_layer_may_override_itself_and_each_other_under_any_key() -> None:
    found = resolved(
        "model: m\nvllm:\n  args:\n    tensor-parallel-size: 2\n",
        environ={"MIXVLLM_INFERENCE__TENSOR_PARALLEL_SIZE": "4"},
        cli={"vllm.args.tensor_parallel_size": "8", "vllm.args.tensor-parallel-size": "16"},
    )
    key = ("vllm", "args", "tensor-parallel-size")
    assert get(found.values, key) == "16"
    assert [(lost.key[0], lost.value, str(lost.place.value)) for lost in found.overridden[key]] == [
        ("vllm", "8", "--set vllm.args.tensor_parallel_size"),
        ("inference", 4, "MIXVLLM_INFERENCE__TENSOR_PARALLEL_SIZE"),
        ("vllm", 2, "profile.yaml:4:27"),
    ]


def test_every_leaf_has_an_origin() -> None:
    found = resolved("model: m\n")
    assert found.profile is not None
    for path in leaves(found.profile):
        assert str(found.origin(path))


def test_the_defaults_are_those_of_the_schema() -> None:
    found = resolved("model: m\n")
    assert found.profile is not None
    assert leaves(found.profile) == leaves(Profile.model_validate({"model": {"name": "m"}}))


def test_every_field_tells_what_it_is() -> None:
    for field in all_fields():
        assert field.help, field.path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("server:\n  port: eighty\n", ["MX110 3:9"]),
        ("server:\n  port: [8000]\n", ["MX110 3:9"]),
        ('server:\n  port: "8000"\n', ["MX110 3:9"]),
        ("server:\n  port: 8000#x\n", ["MX023 3:9"]),
        ("server:\n  port: 70000\n", ["MX111 3:9"]),
        ("server:\n  host: ''\n", ["MX111 3:9"]),
        ("gpus:\n  select: 0\n", ["MX110 3:11"]),
        ("gpus:\n  min_free_memory: 20 GoB\n", ["MX113 3:20"]),
        ("supervisor:\n  stop_grace: soon\n", ["MX112 3:15"]),
        ("supervisor:\n  restart:\n    policy: always\n", ["MX114 4:13"]),
        ("terminal:\n  enabled: 'false'\n", ["MX110 3:12"]),
        ("nodes:\n  - {}\n", ["MX120 3:5"]),
        ("version: 7\n", ["MX130 2:10"]),
        ("vllm:\n  args: [1]\n", ["MX110 3:9"]),
    ],
)
def test_a_wrong_value_is_one_finding_at_its_place(text: str, expected: list[str]) -> None:
    assert shown(resolved("model: m\n" + text).diagnostics) == expected


def test_durations_and_sizes_have_units() -> None:
    found = resolved(
        "model: m\nsupervisor: {stop_grace: 1m30s, startup_timeout: 90}\n"
        "gpus: {min_free_memory: 20GiB}\nlogging: {max_bytes: 1000}\n"
    )
    assert found.profile is not None
    assert found.profile.supervisor.stop_grace == 90.0
    assert found.profile.supervisor.startup_timeout == 90.0
    assert found.profile.gpus.min_free_memory == 20 * 2**30
    assert found.profile.logging.max_bytes == 1000


def test_no_model_is_said_once_and_not_after_a_misspelt_one() -> None:
    assert shown(resolved("server: {port: 1}\n").diagnostics) == ["MX120 1:1"]
    assert shown(resolved("modle: x\n").diagnostics) == ["MX100 1:1"]


def test_a_value_that_could_not_be_had_makes_no_second_finding() -> None:
    assert shown(resolved("model: m\nserver: {port: '${env:NOPE}'}\n").diagnostics) == [
        "MX510 2:23"
    ]
