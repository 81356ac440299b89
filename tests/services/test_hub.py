"""Reading a repository's headers from a server, through the Hub's own library."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mixvllm.testing.public_configs import PUBLIC
from mixvllm.testing.sparse_checkpoint import write_sparse
from tests.services.hub_server import Hub, serving

pytest.importorskip("huggingface_hub", reason="the extra `hub` is not installed")

# The library reads its environment when it is imported, so each reading has its own process.
_READ = """
import sys
if "--without" in sys.argv:
    sys.modules["huggingface_hub"] = None
from mixvllm.core.errors import MixvllmError
from mixvllm.services import hub
hub._PATIENCE = float(sys.argv[3])
try:
    found = hub.read_remote(sys.argv[1], sys.argv[2] or None)
except MixvllmError as error:
    print(f"{error}\\n{error.hint}")
    sys.exit(error.exit_code)
print(found.config.model_type, found.files, len(found.tensors.each), found.tensors.total)
"""
QWEN = "Qwen/Qwen3-8B-FP8"


@dataclass(frozen=True)
class Reading:
    code: int
    out: str


def read(
    hub: Hub | None,
    repository: str = QWEN,
    revision: str = "",
    *flags: str,
    patience: float = 20,
    **environ: str,
) -> Reading:
    known = {"NO_PROXY": "127.0.0.1", "HF_ENDPOINT": hub.url if hub else "http://127.0.0.1:1"}
    found = subprocess.run(
        [sys.executable, "-c", _READ, repository, revision, str(patience), *flags],
        env={**os.environ, "HF_HUB_DISABLE_TELEMETRY": "1", **known, **environ},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert found.stderr == ""
    return Reading(found.returncode, found.stdout.strip())


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub")
    write_sparse(folder / QWEN.replace("/", "--"), PUBLIC[QWEN])
    return folder


@pytest.fixture
def hub(repositories: Path) -> Iterator[Hub]:
    with serving(repositories) as started:
        yield started


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Hub, Path]]:
    """A Hub with one repository, to spoil."""
    repository = tmp_path / "some--model"
    repository.mkdir()
    (repository / "config.json").write_text('{"model_type": "llama"}')
    with serving(tmp_path) as started:
        yield started, repository


def test_headers_are_enough(hub: Hub, repositories: Path) -> None:
    found = read(hub)
    folder = repositories / QWEN.replace("/", "--")
    total = json.loads((folder / "model.safetensors.index.json").read_text())["metadata"]
    assert found == Reading(0, f"qwen3 2 651 {total['total_size']}")
    weights = sum(sent for name, sent in hub.sent.items() if name.endswith(".safetensors"))
    assert weights <= 4 * 2**18  # of 9 GB


def test_a_server_that_sends_everything_is_hung_up_on(hub: Hub) -> None:
    hub.ranges = False
    assert read(hub).code == 0
    assert sum(hub.sent.values()) < 2**27  # what was on its way already


def test_the_token_is_the_librarys(hub: Hub) -> None:
    assert read(hub, HF_TOKEN="hf_secret").code == 0
    assert hub.tokens == {"Bearer hf_secret"}


def test_a_single_file_needs_no_index(own: tuple[Hub, Path]) -> None:
    hub, repository = own
    from mixvllm.testing.small_checkpoint import safetensors

    (repository / "model.safetensors").write_bytes(safetensors({"a": 8, "b": 8}))
    assert read(hub, "some/model") == Reading(0, "llama 1 2 16")
    assert read(hub, "some/model", "main") == Reading(0, "llama 1 2 16")


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ((401, "RepoNotFound"), "the Hub knows no Qwen/Qwen3-8B-FP8, or hides it"),
        ((404, "RepoNotFound"), "the Hub knows no Qwen/Qwen3-8B-FP8, or hides it"),
        ((401, "GatedRepo"), "does not let Qwen/Qwen3-8B-FP8 be read"),
        ((403, "GatedRepo"), "accept its terms on its page, and set HF_TOKEN"),
        ((404, "RevisionNotFound"), "Qwen/Qwen3-8B-FP8 has no revision"),
        ((404, "EntryNotFound"), "has no config.json"),
        ((500, ""), "the Hub answered 500"),
        ((429, ""), "the Hub answered 429"),
    ],
)
def test_a_refusal_is_a_sentence(hub: Hub, refusal: tuple[int, str], said: str) -> None:
    hub.refusal = refusal
    found = read(hub)
    assert found.code == 3
    assert said in found.out
    assert "Traceback" not in found.out


def test_a_revision_that_is_not_there(hub: Hub) -> None:
    found = read(hub, QWEN, "v9")
    assert found == Reading(3, "Qwen/Qwen3-8B-FP8 has no revision v9\ncheck model.revision")


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "the Hub could not be asked for config.json"),
        ({"HF_HUB_OFFLINE": "1"}, "offline mode"),
    ],
)
def test_without_a_network(environ: dict[str, str], said: str) -> None:
    found = read(None, **environ)  # type: ignore[arg-type]
    assert found.code == 3
    assert said in found.out


def test_a_server_that_says_nothing_is_not_waited_for(hub: Hub) -> None:
    hub.stalls = True
    found = read(hub, patience=0.3)
    assert found.code == 3
    assert "could not be asked" in found.out


def test_without_the_library(hub: Hub) -> None:
    found = read(hub, QWEN, "", "--without")
    assert found.code == 3
    assert "huggingface_hub is not installed" in found.out
    assert "pip install 'mixvllm[hub]'" in found.out


def test_a_name_that_is_none(hub: Hub) -> None:
    found = read(hub, "a/b/c")
    assert found.code == 3
    assert "'a/b/c' is not a repository's name" in found.out


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is not a safetensors file"),
        (b"<html>" * 100, "is not a safetensors file"),
        ((2**30).to_bytes(8, "little") + b"{" + bytes(100), "has a header of 1.0 GiB"),
        ((2**20).to_bytes(8, "little") + b"{" + bytes(100), "is cut off"),
        ((3).to_bytes(8, "little") + b"{x}", "not JSON"),
        (None, "some/model has no model.safetensors"),
    ],
)
def test_weights_that_are_broken(own: tuple[Hub, Path], data: bytes | None, said: str) -> None:
    hub, repository = own
    if data is not None:
        (repository / "model.safetensors").write_bytes(data)
    found = read(hub, "some/model")
    assert found.code == 3
    assert said in found.out


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"[]", "config.json of some/model is not a JSON object"),
        (b"{", "config.json of some/model is not JSON"),
        (b'{"a":"' + b"x" * 2**25, "config.json of some/model is far larger"),
    ],
)
def test_a_configuration_that_is_broken(own: tuple[Hub, Path], data: bytes, said: str) -> None:
    hub, repository = own
    (repository / "config.json").write_bytes(data)
    found = read(hub, "some/model")
    assert found.code == 3
    assert said in found.out
