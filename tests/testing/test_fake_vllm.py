"""The fake engine held against what a real vLLM 0.32.0 wrote, answered and counted."""

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from mixvllm.testing.running import READY, Answer, Running, fake_vllm

DATA = Path(__file__).parent.parent / "data"
SMOL = ("--served-model-name", "smol", "--max-model-len", "1024", "--enforce-eager")
# The phases of a start by the text that opens them, and the stream it comes out on.
MARKERS = (
    ("out", r"version \d"),
    ("out", "non-default args:"),
    ("out", "Resolved architecture:"),
    ("out", "Using max model len"),
    ("out", r"Initializing a V1 LLM engine \(v"),
    ("out", "DP group leader"),
    ("out", "Starting to load model"),
    ("err", r"Loading safetensors checkpoint shards:   0% Completed \| 0/1"),
    ("err", r"Loading safetensors checkpoint shards: 100% Completed \| 1/1"),
    ("out", "Loading weights took"),
    ("out", "KV cache size:"),
    ("out", r"init engine \(profile, create kv cache, warmup model\) took"),
    ("out", "Supported tasks:"),
    ("out", "Starting vLLM server on http"),
    ("out", "Route: /v1/chat/completions, Methods: POST"),
    ("err", "Started server process"),
    ("err", "Waiting for application startup"),
    ("err", "Application startup complete"),
)
PREFIX = re.compile(r"^\((\w+(?:-\d+)?) pid=\d+\) (INFO|WARNING|ERROR) \d\d-\d\d \d\d:\d\d:\d\d \[")


@pytest.fixture(scope="module")
def ready() -> Iterator[Running]:
    """A fake engine on the command line of the recorded answers."""
    override = '{"temperature":0.5,"max_new_tokens":40}'
    arguments = ("--served-model-name", "smol", "other", *SMOL[2:], "--api-key", "k1")
    with fake_vllm(*arguments, f"--override-generation-config={override}", model="m") as engine:
        engine.wait_for(READY)
        yield engine


@pytest.fixture(scope="module")
def smol() -> Iterator[Running]:
    """A fake engine on the command line of the recorded log and metrics."""
    with fake_vllm(*SMOL) as engine:
        engine.wait_for(READY)
        yield engine


@pytest.fixture(scope="module")
def start() -> Iterator[Running]:
    """A start that nobody has asked anything, on the command line of the recorded log."""
    with fake_vllm(*SMOL) as engine:
        engine.wait_for(READY)
        engine.wait_for("Route: /inference/v1/abort_requests")
        yield engine


def recorded(name: str) -> list[tuple[str, str]]:
    """The (stream, line) pairs of a recording with times and streams."""
    found: list[tuple[str, str]] = []
    for line in (DATA / "logs" / name).read_text().splitlines():
        if match := re.match(r" *\d+\.\d+ ([OE#]) (.*)", line):
            found.append(({"O": "out", "E": "err", "#": "#"}[match[1]], match[2]))
        elif found and not line.startswith("#"):  # the line after a carriage return
            found.append((found[-1][0], line))
    return [pair for pair in found if pair[0] != "#"]


def until_ready(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    ends = next(at for at, (_, text) in enumerate(lines) if re.search(READY, text))
    return lines[: ends + 1]


def template(text: str) -> str:
    """A line without what changes from run to run."""
    text = re.sub(r"(with config:|non-default args:|vllm_dist_).*", r"\1", text)
    return re.sub(r" +", " ", re.sub(r"\d[\d,.]*", "N", text)).strip()


def metrics(text: str) -> tuple[dict[str, str], dict[str, float]]:
    """Types by family, values by sample."""
    types: dict[str, str] = {}
    values: dict[str, float] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            types[name] = kind
        elif not line.startswith("#"):
            sample, _, value = line.rpartition(" ")
            values[sample] = float(value)
    return types, values


def counted(engine: Running) -> dict[str, float]:
    """The vLLM metrics now, by their bare names; labels that are always the same are cut."""
    values = metrics(engine.request("GET", "/metrics").body)[1]
    cut = re.compile(r'(engine="0"|model_name="\w+"),?')
    return {
        cut.sub("", name).replace(",}", "}").replace("{}", ""): value
        for name, value in values.items()
    }


def complete(engine: Running, prompt: str, **more: object) -> Answer:
    return engine.request("POST", "/v1/completions", {"prompt": prompt, **more})


def chat(engine: Running, question: str, **more: object) -> Answer:
    body = {"messages": [{"role": "user", "content": question}], **more}
    return engine.request("POST", "/v1/chat/completions", body)


def said(answer: Answer) -> Any:
    return json.loads(answer.body)["choices"][0]["message"]["content"]


# the log


def test_the_phases_of_a_start_come_in_the_recorded_order_on_the_recorded_stream(
    start: Running,
) -> None:
    for stream in ("out", "err"):
        marks = [text for where, text in MARKERS if where == stream]
        mine = [m for text in start.lines(stream) for m in marks if re.search(m, text)]
        theirs = [
            m
            for where, text in until_ready(recorded("E_startup.log"))
            for m in marks
            if where == stream and re.search(m, text)
        ]
        assert mine == theirs
        assert set(mine) == set(marks)


def test_every_line_of_a_start_is_one_that_vllm_writes(start: Running) -> None:
    known = {(where, template(text)) for where, text in until_ready(recorded("E_startup.log"))}
    mine = [(line.stream, line.text) for line in start.seen]
    assert [line for line in mine if (line[0], template(line[1])) not in known] == []


def test_each_process_has_the_recorded_prefix(start: Running) -> None:
    def names(lines: list[str]) -> set[str]:
        return {match[1] for text in lines if (match := PREFIX.match(text))}

    theirs = [text for where, text in recorded("E_startup.log") if where == "out"]
    assert names(start.lines("out")) == names(theirs)
    assert [text for text in start.lines("out") if not PREFIX.match(text)] == []


def test_every_announced_route_is_one_of_vllm_and_all_are_there(start: Running) -> None:
    def routes(lines: list[str]) -> set[str]:
        return {text.partition("] ")[2] for text in lines if "] Route: " in text}

    assert routes(start.lines("out")) == routes([text for _, text in recorded("E_startup.log")])


def test_the_logger_moves_to_stderr_when_the_environment_says_so() -> None:
    with fake_vllm(env={"VLLM_LOGGING_STREAM": "ext://sys.stderr"}) as engine:
        engine.wait_for("Supported tasks", stream="err")
        engine.wait_for(READY)
        engine.request("GET", "/health")
        engine.wait_for(r'"GET /health HTTP/1.1" 200 OK', stream="out")
        assert len(engine.lines("out")) == 1  # 169 to 1 in run j3


def test_the_options_given_are_shown_and_secrets_are_not() -> None:
    arguments = ("--api-key", "s3cret", "--max-num-seqs=7", "--no-enable-prefix-caching")
    dotted = ("--hf-overrides.rope_theta", "3", "-tp", "1", "--compilation-config", '{"mode": 0}')
    with fake_vllm(*arguments, *dotted) as engine:
        line = engine.wait_for("non-default args:").text
    shown = line.partition("args: ")[2]
    for part in (
        "'model_tag': 'models/SmolLM2-135M-Instruct'",
        "'api_key': '***'",
        "'max_num_seqs': 7",
        "'enable_prefix_caching': False",
        "'hf_overrides': {'rope_theta': 3}",
        "'tensor_parallel_size': 1",
        "'compilation_config': {'mode': 0}",
    ):
        assert part in shown
    assert "s3cret" not in shown


def test_at_speed_40_a_start_takes_a_fortieth_of_44_seconds() -> None:
    begun = time.monotonic()
    with fake_vllm(speed=40) as engine:
        at = engine.wait_for(READY).at
    assert at - begun >= 44.2 / 40 - 0.05  # the start of a process is known to 10 ms


# the command line


def test_help_lists_the_faults_and_version_is_the_release() -> None:
    with fake_vllm("--help") as engine:
        assert engine.wait_exit() == 0
        engine.wait_for("crash .*exit code")
        engine.wait_for("phases: imports args config spawn")
    with fake_vllm("--fake-version", "0.31.0") as engine:
        engine.wait_for("version 0.31.0")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--max-num-seqs", "x"), "error: argument --max-num-seqs: invalid int value: 'x'"),
        (("--speculative-config", "{bad"), "cannot be converted to <function loads"),
        (("--fake-fault", "implode@ready"), "no fault is called 'implode'; there are crash, "),
        (("--fake-fault", "crash@noon"), "'crash@noon' names no phase"),
        (("--fake-speed", "0"), "--fake-speed is '0'; write a number above 0"),
    ],
)
def test_a_command_line_that_cannot_be_read_exits_2(
    arguments: tuple[str, ...], message: str
) -> None:
    with fake_vllm(*arguments) as engine:
        assert engine.wait_exit() == 2
        engine.wait_for(re.escape(message), stream="err")
        assert engine.lines("out") == []


# the processes


def test_the_tree_is_one_session_that_can_be_found_by_the_served_name() -> None:
    with fake_vllm("--served-model-name", "tag77", "-tp", "2") as engine:
        engine.wait_for(READY)
        family = engine.family()
        core = psutil.Process(engine.pid("EngineCore"))
        workers = [psutil.Process(engine.pid(f"Worker_TP{rank}")) for rank in range(2)]
        assert all("tag77" in process.cmdline() for process in family)
        assert core.ppid() == engine.process.pid
        assert [worker.ppid() for worker in workers] == [core.pid, core.pid]
        names = [Path(f"/proc/{one.pid}/comm").read_text().strip() for one in (core, *workers)]
        assert names == ["VLLM::EngineCor", "VLLM::Worker_TP", "VLLM::Worker_TP"]  # 15 letters
        assert len(family) == 5  # API server, resource tracker, EngineCore, two Workers


def test_clients_are_refused_until_it_is_ready_though_the_port_is_taken() -> None:
    with fake_vllm(speed=40) as engine:
        engine.wait_for("Resolved architecture")
        with pytest.raises(ConnectionRefusedError):
            engine.request("GET", "/health")
        with socket.socket() as other, pytest.raises(OSError, match="Address already in use"):
            other.bind(("127.0.0.1", engine.port))
        engine.wait_for("Starting to load")
        with pytest.raises(ConnectionRefusedError):
            engine.request("GET", "/health")
        engine.wait_for(READY)
        assert engine.request("GET", "/health").status == 200


def test_a_port_in_use_is_an_oserror_and_exit_1() -> None:
    holder = socket.create_server(("127.0.0.1", 0))
    with holder, fake_vllm(port=holder.getsockname()[1]) as engine:
        assert engine.wait_exit() == 1
        last = (DATA / "logs" / "f1_port_in_use.log").read_text().splitlines()[-1]
        assert engine.wait_for("^OSError", stream="err").text == last


def test_a_missing_certificate_is_found_only_after_the_whole_start(tmp_path: Path) -> None:
    with fake_vllm("--ssl-certfile", str(tmp_path / "no.pem")) as engine:
        assert engine.wait_exit() == 1
        engine.wait_for("Starting vLLM server on")
        engine.wait_for("^FileNotFoundError: ", stream="err")
        engine.wait_gone()


def test_a_context_longer_than_the_cache_cannot_start() -> None:
    with fake_vllm("--kv-cache-memory-bytes", "23592960") as engine:  # 8 blocks of 128 tokens
        assert engine.wait_exit() == 1
        engine.wait_for(r"estimated maximum model length is 1024\.", stream="out")


def test_it_listens_on_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "v.sock"
    with fake_vllm("--uds", str(path)) as engine:
        engine.wait_for(READY)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            sock.sendall(b"GET /version HTTP/1.1\r\nconnection: close\r\n\r\n")
            assert sock.makefile().read().endswith('{"version":"0.32.0"}')


# the endpoints

EXCHANGES = json.loads((DATA / "answers_0.32.0.json").read_text())["exchanges"]


def shape(value: Any) -> Any:
    """JSON without its values: keys in order, and what kind of value each has."""
    if isinstance(value, dict):
        return [(key, shape(inner)) for key, inner in value.items()]
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def events(body: str) -> list[Any]:
    parts = re.findall(r"^data: (.*)$", body, flags=re.MULTILINE)
    return [part if part == "[DONE]" else json.loads(part) for part in parts]


@pytest.mark.parametrize(
    "exchange",
    EXCHANGES,
    ids=lambda one: f"{one['method']} {one['path']} {str(one.get('body', ''))[:40]}",
)
def test_an_answer_has_the_shape_of_the_recorded_one(
    ready: Running, exchange: dict[str, Any]
) -> None:
    body = exchange.get("body")
    headers = {"content-type": exchange.get("content_type", "application/json")}
    if exchange["key"]:
        headers["Authorization"] = "Bearer k1"
    answer = ready.request(
        exchange["method"],
        exchange["path"],
        body.encode() if isinstance(body, str) else body,
        headers=headers,
    )
    assert answer.status == exchange["status"]
    assert answer.headers.get("content-type") == exchange["answer_type"]
    if "events" in exchange:
        mine = events(answer.body)
        assert [shape(event) for event in mine] == [shape(e) for e in exchange["events"]]
    elif "error" in exchange.get("answer", {}) or "detail" in exchange.get("answer", {}):
        assert json.loads(answer.body) == exchange["answer"]  # these texts are facts
    elif "answer" in exchange:
        assert shape(json.loads(answer.body)) == shape(exchange["answer"])
    else:
        assert answer.body == ""


def test_the_models_say_their_root_and_their_length(ready: Running) -> None:
    answer = ready.request("GET", "/v1/models", headers={"Authorization": "Bearer k1"})
    cards = json.loads(answer.body)["data"]
    assert [(card["id"], card["root"], card["max_model_len"]) for card in cards] == [
        ("smol", "m", 1024),
        ("other", "m", 1024),
    ]


def test_the_key_guards_v1_alone(ready: Running) -> None:
    assert ready.request("GET", "/metrics").status == 200
    assert chat(ready, "hello").status == 401
    wrong = ready.request("GET", "/v1/models", headers={"Authorization": "Bearer k2"})
    assert (wrong.status, wrong.body) == (401, '{"error":"Unauthorized"}')


def test_the_key_may_come_from_the_environment() -> None:
    with fake_vllm(env={"VLLM_API_KEY": "from-env"}) as engine:
        engine.wait_for(READY)
        assert engine.request("GET", "/v1/models").status == 401
        headers = {"Authorization": "Bearer from-env"}
        assert engine.request("GET", "/v1/models", headers=headers).status == 200


def test_a_chat_makes_sense_and_says_the_same_twice(smol: Running) -> None:
    assert said(chat(smol, "What is the capital of France?")) == "The capital of France is Paris."
    assert (
        json.loads(complete(smol, "The capital of France is").body)["choices"][0]["text"]
        == " Paris."
    )
    assert said(chat(smol, "Tell me a story")) == said(chat(smol, "Tell me a story"))
    assert said(chat(smol, "Tell me a story")) != said(chat(smol, "Tell me a joke"))


def test_a_stream_says_what_the_whole_answer_says(smol: Running) -> None:
    question = "What is the capital of Japan?"
    found = events(chat(smol, question, stream=True).body)
    assert found[-1] == "[DONE]"
    text = "".join(event["choices"][0]["delta"]["content"] for event in found[:-1])
    assert text == said(chat(smol, question)) == "The capital of Japan is Tokyo."
    assert found[-2]["choices"][0]["finish_reason"] == "stop"


def test_max_new_tokens_of_the_operator_caps_what_a_client_asks_for(ready: Running) -> None:
    headers = {"Authorization": "Bearer k1"}
    body = {"prompt": "go on", "max_tokens": 900, "ignore_eos": True}
    answer = ready.request("POST", "/v1/completions", body, headers=headers).json()
    assert answer["usage"] == {
        "prompt_tokens": 2,
        "total_tokens": 42,
        "completion_tokens": 40,
        "prompt_tokens_details": None,
        "completion_tokens_details": None,
    }


def test_a_stop_string_ends_the_answer(smol: Running) -> None:
    answer = json.loads(chat(smol, "What is the capital of Italy?", stop=[" is"]).body)
    choice = answer["choices"][0]
    assert (choice["message"]["content"], choice["stop_reason"]) == ("The capital of Italy", " is")


def test_a_prompt_beyond_the_context_is_refused(smol: Running) -> None:
    answer = complete(smol, "w " * 1200)
    assert answer.status == 400
    assert "maximum context length is 1024 tokens" in answer.body


def test_usage_agrees_with_tokenize(smol: Running) -> None:
    messages = [{"role": "user", "content": "How many tokens, please?"}]
    count = smol.request("POST", "/tokenize", {"messages": messages}).json()["count"]
    answer = smol.request("POST", "/v1/chat/completions", {"messages": messages}).json()
    usage = answer["usage"]
    assert isinstance(usage, dict)
    assert usage["prompt_tokens"] == count
    ids = smol.request("POST", "/tokenize", {"prompt": "one two"}).json()["tokens"]
    back = smol.request("POST", "/detokenize", {"tokens": ids})
    assert back.json() == {"prompt": "one two"}


def test_one_connection_serves_many_requests(smol: Running) -> None:
    with socket.create_connection(("127.0.0.1", smol.port)) as sock:
        sock.sendall(b"GET /version HTTP/1.1\r\n\r\n" * 3)
        received = b""
        while received.count(b'{"version"') < 3:
            received += sock.recv(4096)
        assert received.count(b"HTTP/1.1 200 OK") == 3


def test_a_route_that_is_not_played_says_so(smol: Running) -> None:
    assert smol.request("POST", "/v1/responses", {}).status == 501


# the metrics


def test_the_metrics_are_those_of_vllm(smol: Running) -> None:
    smol.request("GET", "/v1/models")
    smol.request("GET", "/nowhere")
    chat(smol, "hello", max_tokens=16)
    types, values = metrics(smol.request("GET", "/metrics").body)
    real_types, real_values = metrics((DATA / "metrics_0.32.0.txt").read_text())
    assert types == real_types

    def of_vllm(samples: dict[str, float]) -> set[str]:
        return {name for name in samples if name.startswith("vllm:")}

    def bare(samples: dict[str, float]) -> set[str]:
        return {re.sub(r'="[^"]*"', "", name) for name in samples}

    config = "vllm:cache_config_info"
    assert {n for n in of_vllm(values) if config not in n} == {
        n for n in of_vllm(real_values) if config not in n
    }
    assert bare(values) == bare(real_values)


def test_requests_move_the_metrics() -> None:
    with fake_vllm(*SMOL) as engine:
        engine.wait_for(READY)
        before = counted(engine)
        usage = json.loads(complete(engine, "one two three", max_tokens=5).body)["usage"]
        chat(engine, "What is the capital of France?")
        after = counted(engine)
    moved = {name: after[name] - before[name] for name in after if name in before}
    prompt = moved["vllm:prompt_tokens_total"]
    assert usage["completion_tokens"] == 5
    assert moved["vllm:generation_tokens_total"] == 5 + 8  # seven words and the end
    assert prompt > usage["prompt_tokens"] == 3
    assert moved["vllm:iteration_tokens_total_count"] == 13
    assert moved["vllm:iteration_tokens_total_sum"] == prompt + 13
    assert moved['vllm:request_success_total{finished_reason="length"}'] == 1
    assert moved['vllm:request_success_total{finished_reason="stop"}'] == 1
    assert moved['vllm:prompt_tokens_by_source_total{source="local_compute"}'] == prompt
    for name in ("time_to_first_token_seconds", "e2e_request_latency_seconds", "request_params_n"):
        assert moved[f"vllm:{name}_count"] == 2
    assert moved["vllm:inter_token_latency_seconds_count"] == 4 + 7
    assert moved['vllm:request_generation_tokens_bucket{le="5.0"}'] == 1
    assert after["vllm:num_requests_running"] == 0


def test_running_and_waiting_requests_are_counted_while_they_last() -> None:
    body = {"prompt": "go on", "max_tokens": 1000, "ignore_eos": True, "stream": True}
    slow = {"FAKE_VLLM_TOKENS_PER_SECOND": "50"}
    with fake_vllm(*SMOL, "--max-num-seqs", "2", env=slow) as engine:
        engine.wait_for(READY)
        streams = [engine.open("POST", "/v1/completions", body) for _ in range(3)]
        with streams[0] as first, streams[1] as second:
            first.readline()
            second.readline()
            with streams[2]:
                engine.wait_for("Engine 000: Avg .* Running: 2 reqs, Waiting: 1 reqs")
                now = counted(engine)
                assert now["vllm:num_requests_running"] == 2
                assert now["vllm:num_requests_waiting"] == 1
                assert now['vllm:num_requests_waiting_by_reason{reason="capacity"}'] == 1
                assert 0 < now["vllm:kv_cache_usage_perc"] < 1
        deadline = time.monotonic() + 10  # the clients have gone: their requests are aborted
        while counted(engine)["vllm:num_requests_running"] and time.monotonic() < deadline:
            pass
        now = counted(engine)
        assert now["vllm:num_requests_running"] == now["vllm:num_requests_waiting"] == 0
        assert now['vllm:request_success_total{finished_reason="abort"}'] == 3


def test_an_undrained_log_freezes_the_server_until_somebody_reads() -> None:
    with fake_vllm() as engine:
        engine.wait_for(READY)
        engine.stop_reading()
        frozen = False
        for _ in range(600):  # 64 KiB of pipe and 64 KiB in the reader's hand, 500 bytes a line
            try:
                engine.request("GET", f"/health?{'x' * 500}", limit=1.0)
            except TimeoutError:
                frozen = True
                break
        assert frozen
        engine.read_on()
        assert engine.request("GET", "/health").status == 200
