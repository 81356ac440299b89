"""Variables of Kubernetes' services are told from settings."""

import pytest

from mixvllm.core.diagnostic import Severity
from mixvllm.settings.kubernetes import services
from tests.rules.checking import checked

OF_A_SERVICE = {
    "MIXVLLM_SERVICE_HOST": "10.96.0.12",
    "MIXVLLM_SERVICE_PORT": "80",
    "MIXVLLM_SERVICE_PORT_HTTP": "80",
    "MIXVLLM_PORT": "tcp://10.96.0.12:80",
    "MIXVLLM_PORT_80_TCP": "tcp://10.96.0.12:80",
    "MIXVLLM_PORT_80_TCP_PROTO": "tcp",
    "MIXVLLM_PORT_80_TCP_PORT": "80",
    "MIXVLLM_PORT_80_TCP_ADDR": "10.96.0.12",
}


def test_a_service_is_known_by_its_host_and_port() -> None:
    (service,) = services({**OF_A_SERVICE, "MIXVLLM_MODEL": "m"}, "MIXVLLM")
    assert service.name == "mixvllm"
    assert set(service.variables) == set(OF_A_SERVICE)


def test_two_services_whose_names_begin_alike() -> None:
    other = {"MIXVLLM_CHAT_SERVICE_HOST": "10.96.0.13", "MIXVLLM_CHAT_SERVICE_PORT": "90"}
    names = [service.name for service in services({**OF_A_SERVICE, **other}, "MIXVLLM")]
    assert names == ["mixvllm-chat", "mixvllm"]


@pytest.mark.parametrize("missing", ["MIXVLLM_SERVICE_HOST", "MIXVLLM_SERVICE_PORT"])
def test_half_a_service_is_none(missing: str) -> None:
    half = {name: value for name, value in OF_A_SERVICE.items() if name != missing}
    assert not list(services(half, "MIXVLLM"))
    assert "MX100" in {d.code for d in checked("model: m\n", environ=half).diagnostics}


def test_they_are_no_settings_and_hide_none() -> None:
    (found,) = checked("model: m\n", environ=OF_A_SERVICE).diagnostics
    assert (found.code, found.severity) == ("MX815", Severity.INFO)
    assert "`mixvllm`" in found.message
    result = checked("model: m\n", environ={**OF_A_SERVICE, "MIXVLLM_SERVER__PORT": "8123"})
    assert result.resolved.value("server", "port") == 8123
    found_too = checked("model: m\n", environ={**OF_A_SERVICE, "MIXVLLM_SERVER_PORT": "1"})
    assert {d.code for d in found_too.diagnostics} == {"MX815", "MX100"}
