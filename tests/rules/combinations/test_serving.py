"""The API server: each rule both ways."""

import pytest

from tests.rules.combinations.said import of, said


def test_metrics_of_requests() -> None:
    lines = ("disable-log-stats: true", "enable-per-request-metrics: true")
    assert said(*lines) == ["request-metrics error"]
    assert said(*lines, release="0.24.0") == []
    assert said(lines[1]) == []
    assert said("disable-log-stats: false", lines[1]) == []


def tls(server: str, *lines: str) -> list[str]:
    args = "".join(f"    {line}\n" for line in lines)
    return of(f"model: m\nserver: {{{server}}}\nvllm:\n  args:\n    seed: 1\n{args}")


@pytest.mark.parametrize(
    ("server", "found"),
    [
        ("ssl_keyfile: key.pem", ["tls-key-alone error"]),
        ("ssl_keyfile: key.pem, ssl_certfile: cert.pem", []),
        ("ssl_certfile: cert.pem", []),  # its file may hold the key
        ("ssl_ca_certs: ca.pem", ["tls-idle warning"]),
        ("ssl_ca_certs: ca.pem, ssl_certfile: cert.pem", []),
    ],
)
def test_tls(server: str, found: list[str]) -> None:
    assert tls(server) == found


def test_options_of_tls_do_nothing_over_plain_http() -> None:
    assert said("ssl-ciphers: X", "ssl-cert-reqs: 2") == ["tls-idle warning"] * 2
    assert said("ssl-cert-reqs: 0") == []
    assert tls("ssl_certfile: cert.pem", "ssl-ciphers: X", "ssl-cert-reqs: 2") == []


def test_files_that_are_watched() -> None:
    refresh = "enable-ssl-refresh: true"
    assert said(refresh) == ["tls-refresh warning"]
    assert tls("ssl_certfile: cert.pem", refresh) == ["tls-refresh warning"]
    assert tls("ssl_certfile: cert.pem, ssl_ca_certs: ca.pem", refresh) == []
    assert tls("ssl_certfile: cert.pem, ssl_keyfile: key.pem", refresh) == []
    assert said("enable-ssl-refresh: false") == []


def test_a_parser_of_tool_calls() -> None:
    parser = "tool-call-parser: hermes"
    assert said(parser) == ["tool-parser-idle warning"]
    assert said(parser, "enable-auto-tool-choice: false") == ["tool-parser-idle warning"]
    assert said(parser, "enable-auto-tool-choice: true") == []
    assert said("tool-call-parser: mistral", "reasoning-parser: mistral") == []


def test_logs_of_requests() -> None:
    assert said("max-log-len: 10") == ["log-length warning"]
    assert said("max-log-len: 10", "enable-log-requests: true") == []
    assert said("enable-log-deltas: true") == ["log-deltas warning"]
    logged = ("enable-log-requests: true", "enable-log-outputs: true")
    assert said(*logged, "enable-log-deltas: false") == []


def test_documentation() -> None:
    docs = "enable-offline-docs: true"
    assert said(docs, "disable-fastapi-docs: true") == ["offline-docs warning"]
    assert said(docs) == []
    assert said(docs, "disable-fastapi-docs: false") == []


@pytest.mark.parametrize(
    ("port", "grpc", "speaks"),
    [(8000, 8000, True), (8000, 8001, False), (9000, 9000, True), (9000, 8000, False)],
)
def test_a_port_has_one_protocol(port: int, grpc: int, speaks: bool) -> None:
    named = f"server: {{port: {port}}}\n"
    assert said(f"grpc-port: {grpc}", named=named) == (["grpc-port-taken error"] if speaks else [])


def test_any_free_port_is_never_taken() -> None:
    assert said("grpc-port: 0") == []
    assert said("grpc-port: 8000") == ["grpc-port-taken error"]  # our own default
    assert said("grpc-port: null") == []


def test_grpc_needs_a_server_of_its_own() -> None:
    assert said("grpc-port: 9001", "headless: true") == ["grpc-port-headless error"]
    assert "grpc-port-headless error" in said("grpc-port: 9001", "api-server-count: 0")
    assert said("grpc-port: 9001", "api-server-count: 1") == []
    balancer = "data-parallel-multi-port-external-lb: true"
    assert "grpc-port-shared error" in said("grpc-port: 9001", balancer)
    assert "grpc-port-shared error" not in said(balancer)


@pytest.mark.parametrize(
    ("modules", "found"),
    [
        ("[a=x, b=y]", []),
        ("[a=x, a=y]", ["lora-names error"]),
        ("[a=x, a=y, b=x, b=y]", ["lora-names error"] * 2),
        ('[\'{"name": "a", "path": "x"}\', a=y]', ["lora-names error"]),
        ("[{name: a, path: x}, {name: a, path: y}]", ["lora-names error"]),
        ("[x, x]", []),  # not a name and a path: another rule's
        ("[1, 1]", []),
    ],
)
def test_names_of_adapters(modules: str, found: list[str]) -> None:
    assert said("enable-lora: true", f"lora-modules: {modules}") == found


def test_adapters_need_lora() -> None:
    assert said("lora-modules: [a=x]") == ["lora-modules error"]
    assert said("lora-modules: []") == []
    assert said("enable-lora: true", "lora-modules: [a=x]") == []


def test_endpoints_that_are_not_logged() -> None:
    endpoints, rule = "disable-access-log-for-endpoints: /health", ["access-log-endpoints warning"]
    assert said(endpoints, "disable-uvicorn-access-log: true") == rule
    assert said(endpoints, "log-config-file: /etc/log.json") == rule
    assert said(endpoints) == []
    assert said("log-config-file: /etc/log.json") == []


def test_the_format_of_cohere() -> None:
    key = "default-chat-template-kwargs: {cohere_format: cmd3}"
    assert said("cohere-format: cmd4", key) == ["cohere-format-twice warning"]
    assert said("cohere-format: cmd3", key) == []
    assert said(key) == []


def test_late_interaction() -> None:
    off, on = "enable-flash-late-interaction: false", "enable_flash_late_interaction: true"
    assert said(off, f"pooler-config: {{{on}}}") == ["late-interaction-twice warning"]
    assert said(off) == []
    assert said(off, "pooler-config: {enable_flash_late_interaction: false}") == []
