"""From settings to vLLM's command line."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.core.errors import MachineFault, ProfileFault
from mixvllm.render.document import document
from mixvllm.render.shell import shell
from mixvllm.services.check import Request, check
from mixvllm.services.render import command_of
from mixvllm.testing.small_checkpoint import write_checkpoint
from tests.render.rendering import command

_ALWAYS = ("--shutdown-timeout=30", "--disable-access-log-for-endpoints=/health,/metrics")


def flags(text: str, **settings: object) -> tuple[str, ...]:
    argv = command(text, **settings).argv  # type: ignore[arg-type]
    start = argv.index("serve")
    return tuple(word for word in argv[start + 2 :] if word not in _ALWAYS)


def test_the_shortest_profile() -> None:
    argv = command("model: org/name\n").argv
    start = argv.index("serve")
    assert argv[start:] == ("serve", "org/name", "--host=127.0.0.1", "--port=8000", *_ALWAYS)


def test_named_fields_come_in_the_order_of_the_schema_then_args_by_name() -> None:
    text = (
        "vllm: {args: {max-loras: 2, enable-lora: true}}\nserver: {port: 9}\n"
        "inference: {dtype: half, max_model_len: 32k}\nmodel: {name: m, served_name: [a, b]}\n"
    )
    assert flags(text) == (
        "--served-model-name", "a", "b", "--max-model-len=32k", "--dtype=half",
        "--host=127.0.0.1", "--port=9", "--enable-lora", "--max-loras=2",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("enable-prefix-caching: false", "--no-enable-prefix-caching"),
        ("enforce_eager: true", "--enforce-eager"),
        ("chat-template: --weird", "--chat-template=--weird"),
        ("compilation-config: {mode: 3, cudagraph_capture_sizes: [1, 2]}",
         '--compilation-config={"mode":3,"cudagraph_capture_sizes":[1,2]}'),
        ("allowed-origins: ['*']", '--allowed-origins=["*"]'),
    ],
)  # fmt: skip
def test_a_value_arrives_as_it_was_written(line: str, expected: str) -> None:
    assert expected in flags(f"model: m\nvllm:\n  args:\n    {line}\n")


def test_generation_defaults_reach_the_engine() -> None:
    text = "model: m\ngeneration_defaults: {temperature: 0.7, max_tokens: 512, top_k: 40}\n"
    wanted = '--override-generation-config={"temperature":0.7,"max_new_tokens":512,"top_k":40}'
    assert wanted in flags(text)


def test_an_extra_option_set_by_the_operator_is_not_set_again() -> None:
    argv = command("model: m\nvllm: {args: {shutdown-timeout: 5}}\n").argv
    assert [word for word in argv if "shutdown" in word] == ["--shutdown-timeout=5"]


def test_a_release_without_an_option_does_not_get_it() -> None:
    argv = command("model: m\n", release="0.12.0").argv
    assert not [word for word in argv if "shutdown" in word or "endpoints" in word]


def test_a_relative_model_starts_at_the_file_that_names_it(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "m")
    argv = command("model: ./x/../m\n", path=tmp_path / "p.yaml").argv
    assert str(tmp_path / "m") in argv


def test_secrets_go_by_environment_and_are_never_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("file-secret\n")
    text = "model: m\nserver: {api_key_file: key}\nvllm: {env: {HF_TOKEN: '${env:T}', A: b}}\n"
    made = command(text, path=tmp_path / "p.yaml", environ={"T": "env-secret", "PATH": ""})
    assert dict(made.secrets) == {"VLLM_API_KEY": "file-secret", "HF_TOKEN": "env-secret"}
    assert made.env == {"A": "b", "PYTHONUNBUFFERED": "1"}
    everything = " ".join(made.argv) + repr(made)
    assert "file-secret" not in everything
    assert "env-secret" not in everything


def test_selected_cards_become_cuda_variables_in_nvmls_order() -> None:
    made = command("model: m\ngpus: {select: [2, 0]}\n")
    assert made.env["CUDA_VISIBLE_DEVICES"] == "2,0"
    assert made.env["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


def test_each_flag_knows_who_asked_for_it() -> None:
    made = command("model: m\nserver:\n  port: 9\n")
    origins = {piece.words[0]: str(piece.source.origin) for piece in made.pieces}
    assert origins["--port=9"] == "/srv/p.yaml:3:9"
    assert origins["--host=127.0.0.1"] == "default of mixvllm"


def test_a_profile_with_errors_has_no_command() -> None:
    with pytest.raises(ProfileFault):
        command("model: m\nserver: {prot: 1}\n")


def test_the_same_profile_gives_the_same_command() -> None:
    text = "model: m\nvllm: {args: {seed: 1, max-loras: 2}, env: {B: 1, A: 2}}\n"
    assert command(text) == command(text)


@pytest.mark.parametrize("number", ["1.10", "1e3", "0x1F", "+7", "-.inf"])
def test_a_variable_keeps_a_number_as_it_was_written(number: str) -> None:
    made = command(f"model: m\nvllm: {{env: {{A: {number}}}}}\n")
    assert made.env["A"] == number


def test_a_secret_by_its_form_goes_with_the_secrets() -> None:
    made = command("model: m\nvllm: {env: {A: 'pg://u:pw@host/db'}}\n")
    assert dict(made.secrets) == {"A": "pg://u:pw@host/db"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("nope 'a b' --x", ("nope", "a b", "--x")),
        ("[nope, a b]", ("nope", "a b")),
        ("./bin/vllm -x", ("/srv/bin/vllm", "-x")),
        ("../vllm", ("/vllm",)),
        ("/opt/x/vllm", ("/opt/x/vllm",)),
        ("~/no/such/vllm", (str(Path.home() / "no/such/vllm"),)),
    ],
)
def test_a_program_that_is_not_here_keeps_its_words(
    written: str, expected: tuple[str, ...]
) -> None:
    text = f"model: m\nvllm:\n  command: {written}\n"
    made = command(text)
    assert made.pieces[0].words == expected
    assert str(made.pieces[0].source.origin) == "/srv/p.yaml:3:12"


def test_a_program_is_looked_for_beside_the_profile(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "vllm"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = "model: m\nvllm: {command: ./bin/vllm}\n"
    assert command(text, path=tmp_path / "p.yaml").pieces[0].words == (str(program),)


def test_the_key_of_the_api_is_read_again_with_care(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k")
    request = Request(
        tmp_path / "p.yaml", {"PATH": ""}, text=b"model: m\nserver: {api_key_file: key}\n"
    )
    checked = check(request)
    (tmp_path / "key").write_text("")
    with pytest.raises(MachineFault, match="is empty"):
        command_of(checked)


ARGS = {
    "seed": 1, "max-loras": 2, "enable-lora": True, "block-size": 16, "enforce-eager": False,
    "compilation-config": {"mode": 3, "cudagraph_capture_sizes": [1, 2]}, "api-server-count": 1,
    "served-model-name": ["b", "a"], "middleware": ["b.B", "a.A"], "max_num_seqs": 8,
}  # fmt: skip


@given(
    st.permutations(list(ARGS)), st.permutations(["B", "A", "C_1"]), st.permutations(["dtype", "q"])
)
def test_the_order_of_the_keys_is_not_the_order_of_the_words(
    args: list[str], env: list[str], inference: list[str]
) -> None:
    values = {"dtype": "dtype: half", "q": "max_model_len: 32k"}
    text = json.dumps({"args": {name: ARGS[name] for name in args}, "env": dict.fromkeys(env, "x")})
    sections = f"inference: {{{', '.join(values[key] for key in inference)}}}\nvllm: {text}\n"
    made = command(f"model: m\n{sections}")
    assert made.argv == command(f"{sections}model: m\n").argv
    wanted = {"args": ARGS, "env": {"A": "x", "B": "x", "C_1": "x"}}
    sections = f"inference: {{{', '.join(values.values())}}}\nvllm: {json.dumps(wanted)}\n"
    again = command(f"model: m\n{sections}")
    assert (made.argv, list(made.env.items())) == (again.argv, list(again.env.items()))


PLANTED = "hunter2SECRETx"


@pytest.mark.parametrize(
    "profile",
    [
        "server: {api_key: '${env:S}'}",
        "server: {api_key_file: key}",
        "vllm: {env: {HF_TOKEN: '${env:S}'}}",
        "vllm: {env: {MY_PASSWORD: '${file:key}'}}",
        "vllm: {env: {PROXY: 'http://u:${env:S}@proxy'}}",
    ],
)
def test_a_secret_is_in_no_form_of_the_command(profile: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{PLANTED}\n")
    made = command(f"model: m\n{profile}\n", path=tmp_path / "p.yaml", environ={"S": PLANTED})
    assert any(PLANTED in value for value in made.secrets.values())
    shown = (shell(made), shell(made, origins=True), json.dumps(document(made)), repr(made))
    assert not any(PLANTED in text for text in shown)
