"""What `explain` answers: for every key and option, and in agreement with `render-cmd`."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from mixvllm.core.errors import UsageFault
from mixvllm.core.origin import Default, dotted
from mixvllm.services.check import Checked, Request, check
from mixvllm.services.explain.document import key_json, section_json
from mixvllm.services.explain.explainer import Answer, Explained, Explainer
from mixvllm.services.explain.reference import reference_of
from mixvllm.services.render import command_of
from mixvllm.settings.fields import all_fields
from mixvllm.settings.sources import Override
from mixvllm.vllm.options import known_releases, newest, options_of

_BASE = """\
model: Qwen/Qwen3-8B
inference: {dtype: bfloat16, max_model_len: 16k, tensor_parallel_size: 1}
server: {port: 9000, api_key: hunter2-hunter2}
vllm:
  args:
    compilation-config: {mode: 3, backend: eager}
    max-num-seqs: 64
  env: {HF_HUB_OFFLINE: "1", HF_TOKEN: "${env:TOKEN}"}
"""
_PROFILE = """\
extends: base.yaml
inference: {max_model_len: 32K}
server: {port: 8001}
generation_defaults: {temperature: 0.2}
gpus: {select: [0, 1]}
"""
_ENVIRON = {
    "PATH": "",
    "TOKEN": "hunter3-hunter3",
    "MIXVLLM_INFERENCE__MAX_MODEL_LEN": "8192",
    "MIXVLLM_SERVER": '{"root_path": "/v2"}',
}
_OVERRIDES = (
    Override("--set vllm.args.compilation-config.mode", "vllm.args.compilation-config.mode", "0"),
    Override("--tensor-parallel-size", "inference.tensor_parallel_size", "2"),
    Override("--set vllm.args.max-model-len", "vllm.args.max-model-len", "4096"),
)


def asked(
    folder: Path,
    *,
    environ: Mapping[str, str] = _ENVIRON,
    overrides: tuple[Override, ...] = (),
    release: str | None = None,
) -> Checked:
    (folder / "base.yaml").write_text(_BASE)
    (folder / "p.yaml").write_text(_PROFILE)
    return check(Request(folder / "p.yaml", environ, overrides, release))


@cache
def nothing(release: str | None = None) -> Checked:
    return check(Request(Path("no profile"), {"PATH": ""}, release=release, text=b"{}"))


def one(checked: Checked, word: str) -> Explained:
    (found,) = Explainer(checked).explain(word).keys
    return found


def story(found: Explained) -> list[tuple[str, object, str]]:
    return [(dotted(s.key), s.value, Path(str(s.origin)).name) for s in found.setters]


@pytest.mark.parametrize("case", ["nothing", "files", "all"])
def test_every_key_and_every_option_has_an_answer_with_an_origin(case: str, tmp_path: Path) -> None:
    checked = (
        nothing()
        if case == "nothing"
        else asked(tmp_path, overrides=_OVERRIDES if case == "all" else ())
    )
    explainer = Explainer(checked)
    words = [dotted(field.path) for field in all_fields()]
    words += options_of(newest()).names()
    words += [f"vllm.args.{name.replace('-', '_')}" for name in options_of(newest()).names()]
    words += [f"vllm.env.{name}" for name in options_of(newest()).env]
    for word in words:
        answer = explainer.explain(word)
        for found in answer.keys:
            assert answer.section or reference_of(found).takes or reference_of(found).choices, word
            set_by = checked.resolved.places.get(found.key)
            if set_by is not None:
                assert found.setters[0].origin == set_by.value, word
            elif not found.setters and found.default is not None:
                assert isinstance(found.default.origin, Default), word
        document = key_json(answer.keys[0]) if answer.section is None else section_json(answer)
        assert "hunter" not in json.dumps(document)


@pytest.mark.parametrize("release", known_releases())
def test_every_option_of_every_release_is_known_in_every_other(release: str) -> None:
    explainer = Explainer(nothing(newest()))
    old = Explainer(nothing(known_releases()[0]))
    for name in set(options_of(release).names()) - {"model"}:  # `--model` is ours: model.name
        for answers in (explainer, old):
            (found,) = answers.explain(f"--{name}").keys
            history = reference_of(found).history
            assert history is not None, name
            assert history.since or history.removed_in or history.comes_with


def test_the_strongest_comes_first_with_all_that_it_overrode(tmp_path: Path) -> None:
    checked = asked(tmp_path, overrides=_OVERRIDES)
    assert story(one(checked, "max-model-len")) == [
        ("vllm.args.max-model-len", 4096, "--set vllm.args.max-model-len"),
        ("inference.max_model_len", 8192, "MIXVLLM_INFERENCE__MAX_MODEL_LEN"),
        ("inference.max_model_len", "32K", "p.yaml:2:28"),
        ("inference.max_model_len", "16k", "base.yaml:2:45"),
    ]
    assert story(one(checked, "--tp")) == [
        ("inference.tensor_parallel_size", 2, "--tensor-parallel-size"),
        ("inference.tensor_parallel_size", 1, "base.yaml:2:72"),
    ]
    port = one(checked, "server.port")
    assert story(port) == [
        ("server.port", 8001, "p.yaml:3:16"),
        ("server.port", 9000, "base.yaml:3:16"),
    ]
    assert port.default is not None
    assert (port.default.value, str(port.default.origin)) == (8000, "default of mixvllm")
    (included,) = (getattr(port.setters[1].origin, "included_by", None),)
    assert str(included).endswith("p.yaml:1:10")


def test_a_chain_of_files_is_told_from_its_end(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("model: m\nserver: {port: 1}\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\nserver: {port: 2}\n")
    (tmp_path / "c.yaml").write_text("extends: [a.yaml, b.yaml]\nserver: {port: 3}\n")
    checked = check(Request(tmp_path / "c.yaml", {"PATH": ""}))
    assert [str(s.value) for s in one(checked, "server.port").setters] == ["3", "2", "1", "1"]


def test_json_set_key_by_key_names_every_hand(tmp_path: Path) -> None:
    found = one(asked(tmp_path, overrides=_OVERRIDES), "compilation-config")
    assert found.setters[0].value == {"mode": 0, "backend": "eager"}
    assert [(dotted(p.key), p.value) for p in found.parts] == [
        ("vllm.args.compilation-config.mode", 0)
    ]
    assert story(one(asked(tmp_path, overrides=_OVERRIDES), "compilation_config.mode")) == [
        ("vllm.args.compilation-config.mode", 0, "--set vllm.args.compilation-config.mode"),
        ("vllm.args.compilation-config.mode", 3, "base.yaml:6:32"),
    ]


def test_what_is_rendered_is_what_is_explained(tmp_path: Path) -> None:
    checked = asked(tmp_path, overrides=_OVERRIDES)
    explainer, command = Explainer(checked), command_of(checked)
    for piece in command.pieces[2:]:
        (found,) = explainer.explain(piece.words[0].partition("=")[0]).keys
        told = found.setters[0] if found.setters else found.default
        assert told is not None
        assert told.origin == piece.source.origin, piece
        lost = [item.place.value for item in piece.source.overrode]
        assert [setter.origin for setter in found.setters[1:]] == lost, piece
    for name, source in command.env_sources.items():
        (found,) = explainer.explain(f"vllm.env.{name}").keys
        told = found.setters[0] if found.setters else found.default
        assert told is not None
        assert told.origin == source.origin, name
        assert told.value == ("***" if name in command.secrets else command.env[name])


def test_what_mixvllm_adds_says_from_which_key(tmp_path: Path) -> None:
    drain = one(asked(tmp_path), "shutdown-timeout")
    assert drain.default is not None
    assert (dotted(drain.default.key), drain.default.value) == ("supervisor.stop_grace", 30)
    key = one(asked(tmp_path), "vllm.env.VLLM_API_KEY")
    assert (dotted(key.setters[0].key), key.setters[0].value) == ("server.api_key", "***")
    cards = one(asked(tmp_path), "CUDA_VISIBLE_DEVICES")
    assert (dotted(cards.setters[0].key), cards.setters[0].value) == ("gpus.select", "0,1")


def test_a_section_tells_of_its_keys(tmp_path: Path) -> None:
    answer = Explainer(asked(tmp_path)).explain("server")
    assert answer == Answer(answer.keys, ("server",))
    assert [dotted(found.key) for found in answer.keys] == [
        dotted(field.path) for field in all_fields() if field.path[0] == "server"
    ]
    env = Explainer(asked(tmp_path)).explain("vllm.env")
    assert [str(found.key[-1]) for found in env.keys] == ["HF_HUB_OFFLINE", "HF_TOKEN"]
    restart = Explainer(asked(tmp_path)).explain("supervisor.restart")
    assert len(restart.keys) == 4


def test_a_finding_at_the_key_belongs_to_the_answer(tmp_path: Path) -> None:
    checked = asked(tmp_path, environ=_ENVIRON | {"MIXVLLM_INFERENCE__DTYPE": "bf16"})
    assert [found.code for found in one(checked, "dtype").findings] == ["MX203"]
    assert one(checked, "server.host").findings == ()


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("server.port", "server.port"),
        ("Server.Port", None),
        ("port", "server.port"),
        ("--port", "server.port"),
        ("-p", "server.port"),
        ("-tp", "inference.tensor_parallel_size"),
        ("vllm.args.tp", None),
        ("MIXVLLM_SERVER__PORT", "server.port"),
        ("MIXVLLM_VLLM__ENV__HF_HOME", "vllm.env.HF_HOME"),
        ("MIXVLLM_VLLM__ARGS__MAX_NUM_SEQS", "inference.max_num_seqs"),
        ("temperature", "generation_defaults.temperature"),
        ("gpus.select[0]", "gpus.select"),
        ("server.root-path", "server.root_path"),
        ("server.port.number", None),
        ("vllm.args.hf-overrides.any.thing", "vllm.args.hf-overrides.any.thing"),
        ("compilation-config.nothing", None),
        ("max-num-seqs.x", None),
        ("VLLM_NO_SUCH_THING", None),
        ("vllm.env.", None),
        ("", None),
        ("x" * 3000, None),
    ],
)
def test_a_word_in_any_spelling(word: str, key: str | None) -> None:
    if key is None:
        with pytest.raises(UsageFault) as raised:
            one(nothing(), word)
        assert raised.value.hint
    else:
        assert dotted(one(nothing(), word).key) == key


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("tp-size", "tensor-parallel-size"),
        ("server.prot", "server.port"),
        ("vllm.args.max-num-seq", "max-num-seqs"),
        ("VLLM_USE_DEP_GEMM", "vllm.env.VLLM_USE_DEEP_GEMM"),
        ("compilation-config.mod", "compilation-config.mode"),
        ("enabled", "terminal.enabled"),
        ("gpu.select", "gpus.select"),
    ],
)
def test_what_may_have_been_meant(word: str, meant: str) -> None:
    with pytest.raises(UsageFault) as raised:
        Explainer(nothing()).explain(word)
    assert meant in raised.value.hint
