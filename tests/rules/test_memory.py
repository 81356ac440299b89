"""Findings about memory: on which cards, with which certainty, and at which place."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.gpu.inventory import GpuProcess
from mixvllm.rules import mx412_memory_in_use
from mixvllm.services.check import Request, check
from mixvllm.services.look.memory import forecast_of
from mixvllm.services.look.model import with_the_model
from mixvllm.testing.manual_page import Page
from mixvllm.testing.manual_rules import pages
from mixvllm.testing.public_configs import PUBLIC
from mixvllm.testing.sparse_checkpoint import write_sparse

GIB = 2**30
NAME = "Qwen/Qwen3-8B"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sparse(tmp_path_factory.mktemp("models") / "m", PUBLIC[NAME]).parent


def host(folder: Path, gib: float, count: int = 1) -> Path:
    path = folder / f"{gib}x{count}.json"
    gpus = [
        {
            "index": index,
            "name": "NVIDIA X",
            "compute_capability": "8.9",
            "memory": {
                "total_bytes": int((gib + 0.5) * GIB),
                "free_bytes": int(gib * GIB),
                "reserved_bytes": GIB // 2,
            },
        }
        for index in range(count)
    ]
    path.write_text(json.dumps({"format_version": 1, "gpus": gpus}))
    return path


def found(folder: Path, gib: float, text: str = "", count: int = 1) -> list[Diagnostic]:
    profile = f"model: ./m\n{text}".encode()
    request = Request(
        folder / "p.yaml", {"PATH": ""}, release="0.32.0", host=host(folder, gib, count),
        text=profile,
    )  # fmt: skip
    return [d for d in check(request).diagnostics if d.code.startswith("MX41")]


def test_a_card_that_is_large_enough_is_not_spoken_of(folder: Path) -> None:
    assert found(folder, 79.2) == []


def test_weights_without_room_are_an_error(folder: Path) -> None:
    (only,) = found(folder, 15.0)
    assert (only.code, only.severity, only.key) == ("MX410", Severity.ERROR, ("model", "name"))


def test_a_context_that_cannot_be_is_an_error_at_its_place(folder: Path) -> None:
    text = "inference:\n  max_model_len: 40000\n"
    (only,) = found(folder, 22.0, text)
    assert (only.code, only.severity) == ("MX411", Severity.ERROR)
    assert only.key == ("inference", "max_model_len")
    length = int(only.hint.split()[1])
    assert found(folder, 22.0, f"inference:\n  max_model_len: {length}\n") == []
    assert found(folder, 22.0, "inference:\n  max_model_len: -1\n") == []


def test_between_is_a_warning(folder: Path) -> None:
    (only,) = found(folder, 22.0, "inference:\n  max_model_len: 20000\n")
    assert (only.code, only.severity) == ("MX413", Severity.WARNING)


def test_one_finding_stands_for_all_ranks(folder: Path) -> None:
    text = "inference:\n  tensor_parallel_size: 4\n  max_model_len: 40000\n"
    assert len(found(folder, 5.4, text, count=4)) == 1


def test_without_the_model_nothing_is_said(tmp_path: Path) -> None:
    request = Request(
        tmp_path / "p.yaml", {"PATH": "", "HF_HOME": str(tmp_path)}, release="0.32.0",
        host=host(tmp_path, 1.0), text=b"model: org/name\n",
    )  # fmt: skip
    checked = check(request)
    assert checked.facts.forecast is None
    assert not [d for d in checked.diagnostics if d.code.startswith("MX41")]


def test_others_on_the_card_are_named(folder: Path) -> None:
    """As on this machine with these cards now; the page shows the same words."""
    text = b"model: ./m\ninference:\n  gpu_memory_utilization: 0.92\n"
    request = Request(
        folder / "p.yaml", {"PATH": ""}, release="0.32.0", host=host(folder, 22.0), text=text
    )
    facts = with_the_model(check(request).facts, {})
    assert facts.inventory is not None
    (gpu,) = facts.inventory.gpus
    memory = replace(gpu.memory, free_bytes=int(9.1 * GIB))
    held = (GpuProcess(7, ("compute",), 3 * GIB, "python"), GpuProcess(8, ("compute",), 10 * GIB))
    busy = replace(facts.inventory, gpus=(replace(gpu, memory=memory, processes=held),))
    here = replace(facts, inventory=busy, machine=True, host="this machine")
    assert here.checkpoint is not None
    here = replace(here, forecast=forecast_of(here, here.checkpoint))
    (only,) = mx412_memory_in_use.check(here)
    assert only.severity is Severity.WARNING
    assert only.hint == "a process (pid 8) holds 10.0 GiB, python (pid 7) holds 3.0 GiB"
    shown = f"3:27: warning: {only.message} [MX412]"
    assert shown in Page.read(pages()["MX412"]).text


def test_copies_of_kv_heads_are_spoken_of_without_cards(folder: Path) -> None:
    def codes(text: str) -> list[str]:
        request = Request(
            folder / "p.yaml", {"PATH": ""}, release="0.32.0", text=f"model: ./m\n{text}".encode()
        )
        return [d.code for d in check(request).diagnostics if d.code.startswith("MX41")]

    assert codes("inference:\n  tensor_parallel_size: 16\n") == ["MX414"]
    assert codes("inference:\n  tensor_parallel_size: 8\n") == []
    spread = "vllm:\n  args:\n    decode-context-parallel-size: 2\n"
    assert codes("inference:\n  tensor_parallel_size: 16\n" + spread) == []
