"""Variables that Kubernetes puts into every container, one group for each service.

A service ``my-llm`` gives MY_LLM_SERVICE_HOST, MY_LLM_SERVICE_PORT (and one for each named
port), MY_LLM_PORT=tcp://10.96.0.12:8000, MY_LLM_PORT_8000_TCP and its _PROTO, _PORT and _ADDR
(Kubernetes documentation, "Service", section "Environment variables"). So a service named
``mixvllm`` looks like settings of ours, and one named ``vllm`` like settings of vLLM.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_HOST: Final = "_SERVICE_HOST"
_REST: Final = re.compile(
    r"_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?"
)


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the cluster, as its variables name it."""

    prefix: str  # "MIXVLLM"
    variables: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name in the cluster; variables spell a dash as an underscore."""
        return self.prefix.lower().replace("_", "-")


def services(environ: Mapping[str, str], beginning: str) -> Iterator[Service]:
    """The services whose name begins so (``MIXVLLM``). Both a host and a port make a service."""
    for name in sorted(environ):
        prefix = name.removesuffix(_HOST)
        if prefix == name or not name.startswith(beginning):
            continue
        if f"{prefix}_SERVICE_PORT" in environ:
            own = (v for v in environ if v.startswith(prefix) and _REST.fullmatch(v[len(prefix) :]))
            yield Service(prefix, tuple(sorted(own)))
