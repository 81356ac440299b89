"""The API server: tools, reasoning, TLS, logs, data-parallel roles."""

from collections.abc import Mapping
from typing import Final

# A rule's file, and the options that call it up.
RULES: Final[Mapping[str, tuple[str, ...]]] = {
    "access_log_endpoints": ("disable-access-log-for-endpoints",),
    "auto_tool_choice": ("enable-auto-tool-choice",),
    "cohere_format_twice": ("cohere-format",),
    "grpc_port_headless": ("grpc-port",),
    "grpc_port_shared": ("grpc-port",),
    "grpc_port_taken": ("grpc-port",),
    "late_interaction_twice": ("enable-flash-late-interaction",),
    "log_deltas": ("enable-log-deltas",),
    "log_length": ("max-log-len",),
    "log_outputs": ("enable-log-outputs",),
    "lora_modules": ("lora-modules",),
    "lora_names": ("lora-modules",),
    "offline_docs": ("enable-offline-docs",),
    "request_metrics": ("enable-per-request-metrics",),
    "tls_idle": ("ssl-ca-certs", "ssl-cert-reqs", "ssl-ciphers"),
    "tls_key_alone": ("ssl-keyfile",),
    "tls_refresh": ("enable-ssl-refresh",),
    "tool_parser_idle": ("tool-call-parser",),
}
