"""The answer without pydantic is never more lenient than pydantic's."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from mixvllm.core.origin import KeyPath
from mixvllm.settings import declared
from mixvllm.settings.build import build
from mixvllm.settings.fields import all_fields, field_at, keys_of
from mixvllm.settings.fits import fits
from mixvllm.settings.interpolate import Untyped
from mixvllm.settings.resolve import leaves
from mixvllm.testing import declare_settings
from tests.settings.resolving import resolved

_SCALARS = (
    st.none() | st.booleans() | st.integers(-2, 70_000) | st.floats() | st.text(max_size=5)
    | st.sampled_from(["auto", "token", "never", "10m", "90s", "20GiB", "1 fortnight", "", "8000",
                       "\ud800", Untyped("8000"), 10**400, -(2**63)])
)  # fmt: skip
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["host", "port", "x", ""]) | st.text(max_size=2), inner)
    ),
    max_leaves=4,
)
_KEYS = st.sampled_from(
    [f.path for f in all_fields()] + [f.path[:-1] for f in all_fields()] + [("server", "prot")]
)


def nested(chosen: dict[KeyPath, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for path, value in chosen.items():
        here = values
        for part in path[:-1]:
            inner = here.setdefault(str(part), {})
            if not isinstance(inner, dict):
                inner = here[str(part)] = {}
            here = inner
        if path:
            here[str(path[-1])] = value
    return values


@given(st.dictionaries(_KEYS, _ANYTHING, max_size=4), st.booleans())
def test_what_fits_is_built(chosen: dict[KeyPath, Any], named: bool) -> None:
    values = nested({**({("model", "name"): "m"} if named else {}), **chosen})
    try:
        build([values])
    except ValidationError:
        assert not fits(values)


@given(st.sampled_from(all_fields()), _ANYTHING)
def test_a_single_leaf_is_not_taken_wrongly(field: Any, value: Any) -> None:
    values = nested({("model", "name"): "m", field.path: value})
    try:
        build([values])
    except ValidationError:
        assert not fits(values)


@pytest.mark.parametrize(
    "text",
    [
        "model: m\n",
        "model: {name: m, served_name: [a, b], trust_remote_code: true}\n",
        "model: m\ninference: {max_model_len: 32k, gpu_memory_utilization: 1}\n",
        "model: m\nsupervisor: {stop_grace: 90s, restart: {policy: never, backoff: 1}}\n",
        "model: m\ngpus: {select: [0, GPU-1], min_free_memory: 20GiB}\n",
        "model: m\nvllm: {command: [vllm], args: {tp: [1, {a: null}]}, env: {A: 1}}\n",
        "model: m\nlogging: {directory: /tmp/x}\nterminal: {enabled: true, auth: none}\n",
    ],
)
def test_profiles_without_a_fault_fit(text: str) -> None:
    assert fits(resolved(text).values)


@pytest.mark.parametrize(
    "text", ["server: {port: 1}\n", "model: m\nserver: {port: 70000}\n", "model: ''\n",
             "model: m\nserver: {port: true}\n", "model: m\nsupervisor: {stop_grace: x}\n"]
)  # fmt: skip
def test_profiles_with_a_fault_do_not(text: str) -> None:
    assert not fits(resolved(text).values)


def test_the_plain_data_is_that_of_the_schema() -> None:
    assert tuple(declare_settings.fields()) == declared.FIELDS, (
        "run `python -m mixvllm.testing.declare_settings`"
    )


def test_sections_have_their_keys() -> None:
    assert keys_of(("supervisor", "restart")) == ("policy", "max_restarts", "window", "backoff")
    assert "server" in keys_of(())
    assert keys_of(("server", "port")) == ()
    field = field_at(("server", "port"))
    assert field is not None
    assert (field.default, field.at_most) == (8000, 65535)


@pytest.mark.parametrize(
    "text",
    [
        "model: m\n",
        "model: m\nsupervisor: {stop_grace: 2m}\nlogging: {max_bytes: 1MiB}\n"
        "gpus: {select: [0, 1]}\nserver: {api_key: 'abc', port: 9000}\nreplicas: 2\n",
    ],
)
def test_a_setting_is_what_the_typed_profile_holds(text: str) -> None:
    found = resolved(text)
    assert found.profile is not None
    for path, built in leaves(found.profile).items():
        plain = built.get_secret_value() if isinstance(built, SecretStr) else built
        told = found.setting(*map(str, path))
        assert told == plain or (told == () and not plain)


@pytest.mark.parametrize("number", ["1" + "0" * 400, "-1" + "0" * 400])
def test_a_number_that_no_float_can_hold_is_refused(number: str) -> None:
    found = resolved("model: m\n", environ={"MIXVLLM_INFERENCE": f'{{"cpu_offload_gb": {number}}}'})
    assert not found.sound
    assert [d.key for d in found.diagnostics] == [("inference", "cpu_offload_gb")]
