"""A repository's configuration and tensors over the network, without its weights.

Weight files begin with a header that names all tensors, so the first kilobytes of each are enough.
Where the Hub is and which token opens it is for its own library to know (the extra ``hub``); what
is read from it is bounded here, whatever the server sends.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol

from mixvllm.core.errors import MachineFault
from mixvllm.vllm.checkpoint.config import ModelConfig
from mixvllm.vllm.checkpoint.folder import INDEX, INDEX_BYTES
from mixvllm.vllm.checkpoint.json_file import SMALL, Json, JsonFile, parse_json
from mixvllm.vllm.checkpoint.tensors import (
    Tensor,
    Tensors,
    UnreadableHeader,
    length_of_header,
    parse_header,
)

_SINGLE: Final = "model.safetensors"
_FIRST: Final = 128 * 2**10  # bytes of a weight file that are asked for; most headers are shorter
_MOST_FILES: Final = 2_000
_AT_ONCE: Final = 8  # files that are read at a time
_PATIENCE: Final = 10.0  # seconds without a byte
_LONGEST: Final = 60.0  # seconds for all of it


class HubFault(MachineFault):
    """The repository could not be read."""


@dataclass(frozen=True, slots=True)
class Remote:
    """What a repository holds, as far as headers tell."""

    config: ModelConfig
    tensors: Tensors
    files: int  # whose headers were read


def read_remote(repository: str, revision: str | None = None) -> Remote:
    """Read config.json and the headers of the weights. Raises HubFault.

    Args:
        repository: ``org/name``.
        revision: a branch, tag or commit; None is ``main``.
    """
    source = _Source(repository, revision)
    config = source.json("config.json", SMALL)
    if not config.there:
        raise HubFault(f"{repository} has no config.json", hint="is it a model, and of this name?")
    beside = source.json("hf_quant_config.json", SMALL)
    quantization: dict[str, Json] = dict(beside.values)
    if quantization:
        quantization["producer"] = {"name": "modelopt"}
    index = source.json(INDEX, INDEX_BYTES)
    listed = index.values.get("weight_map") if index.there else {_SINGLE: _SINGLE}
    mapping = listed.values() if isinstance(listed, dict) else ()
    names = sorted({name for name in mapping if isinstance(name, str)})[:_MOST_FILES]
    tensors = tuple(source.tensors(names))
    total = sum(tensor.size for tensor in tensors)
    return Remote(ModelConfig(config.values, quantization), Tensors(tensors, total), len(names))


class _Response(Protocol):
    """What is used of the answer of httpx, or of its successor."""

    status_code: int
    headers: Mapping[str, str]

    def iter_raw(self) -> Iterator[bytes]:
        """The body as it comes in."""
        ...


class _Source:
    """One repository at one revision."""

    def __init__(self, repository: str, revision: str | None) -> None:
        try:
            import huggingface_hub
            from huggingface_hub import errors, utils
        except ImportError:
            raise HubFault(
                "huggingface_hub is not installed, which knows where the Hub is",
                hint="pip install 'mixvllm[hub]', or fetch the model first",
            ) from None
        self._repository = repository
        self._revision = revision
        self._url = huggingface_hub.hf_hub_url
        self._headers = utils.build_hf_headers(library_name="mixvllm")
        self._session = utils.get_session()
        # Of the client that this version of the library is built on
        self._failures = (errors.HTTPError, OSError)
        self._until = time.monotonic() + _LONGEST

    def json(self, name: str, at_most: int) -> JsonFile:
        """A JSON file; one that is not there holds nothing."""
        data = self._read(name, at_most + 1)
        if data is None:
            return JsonFile(name)
        if len(data) > at_most:
            raise self._fault(name, "is far larger than such a file is")
        found = parse_json(name, data, at_most=at_most)
        if found.fault:
            raise self._fault(name, found.fault)
        return found

    def tensors(self, names: Sequence[str]) -> Iterator[Tensor]:
        """The tensors of weight files, several of which are read at a time."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                for found in pool.map(self._header, names):
                    yield from found
            finally:
                pool.shutdown(cancel_futures=True)

    def _header(self, name: str) -> tuple[Tensor, ...]:
        data = self._read(name, _FIRST)
        if data is None:
            raise HubFault(
                f"{self._repository} has no {name}",
                hint="only safetensors can be looked into without fetching them",
            )
        try:
            length = 8 + length_of_header(data)
            if length > len(data):
                data = self._read(name, length) or b""
            if length > len(data):
                raise UnreadableHeader("is cut off: it ends inside its header")
            return tuple(parse_header(data[8:length]))
        except UnreadableHeader as why:
            raise self._fault(name, str(why)) from None

    def _read(self, name: str, at_most: int) -> bytes | None:
        """The first bytes of a file; None when it is not there."""
        try:
            url = self._url(self._repository, name, revision=self._revision)
        except ValueError as error:
            raise HubFault(
                f"{self._repository!r} is not a repository's name",
                hint=str(error).splitlines()[0],
            ) from None
        asked = {"Range": f"bytes=0-{at_most - 1}", "Accept-Encoding": "identity"}
        try:
            with self._session.stream(
                "GET", url, headers=self._headers | asked, timeout=_PATIENCE
            ) as response:
                return self._body(response, at_most)
        except self._failures as error:
            why = str(error).strip().splitlines()[:1] or [type(error).__name__]
            raise HubFault(
                f"the Hub could not be asked for {name} of {self._repository}: {why[0]}",
                hint="check HF_ENDPOINT, proxies and HF_HUB_OFFLINE, or fetch the model first",
            ) from None

    def _body(self, response: _Response, at_most: int) -> bytes | None:
        status = response.status_code
        code = response.headers.get("X-Error-Code", "")
        if status == 416:  # an empty file has no first byte
            return b""
        if status == 404 and code in ("", "EntryNotFound"):
            return None
        if status not in (200, 206):
            raise self._refused(status, code)
        data = bytearray()
        for chunk in response.iter_raw():
            data += chunk
            if len(data) >= at_most:
                break
            if time.monotonic() > self._until:
                raise HubFault(
                    f"reading {self._repository} took more than {_LONGEST:.0f} s",
                    hint="try again, or fetch the model first",
                )
        return bytes(data[:at_most])

    def _refused(self, status: int, code: str) -> HubFault:
        name = self._repository
        if code == "RevisionNotFound":
            return HubFault(f"{name} has no revision {self._revision}", hint="check model.revision")
        if code == "RepoNotFound" or status == 404:
            return HubFault(
                f"the Hub knows no {name}, or hides it",
                hint="check the name; a private repository needs a token (HF_TOKEN)",
            )
        if status in (401, 403):
            return HubFault(
                f"the Hub does not let {name} be read",
                hint="accept its terms on its page, and set HF_TOKEN",
            )
        return HubFault(f"the Hub answered {status} for {name}", hint="try again later")

    def _fault(self, name: str, why: str) -> HubFault:
        return HubFault(f"{name} of {self._repository} {why}", hint="the repository is broken")
