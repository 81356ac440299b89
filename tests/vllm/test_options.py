"""What the shipped table says about vLLM's releases, spot-checked, and how it is asked."""

import subprocess  # a fresh interpreter, to see what loading imports
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.vllm.options import (
    UNSET,
    JsonType,
    Kind,
    Option,
    Options,
    Reading,
    UnknownRelease,
    known_releases,
    newest,
    options_of,
)
from mixvllm.vllm.table import RELEASES

NOW = options_of("0.33.0")
ALL = [options_of(release) for release in known_releases()]


def option(name: str, options: Options = NOW) -> Option:
    found = options.find(name)
    assert found is not None
    return found


def test_every_minor_release_from_0_12_on_is_known() -> None:
    minors = {tuple(map(int, release.split(".")[:2])) for release in known_releases()}
    assert minors == {(0, minor) for minor in range(12, 34)}
    assert newest() == known_releases()[-1] == "0.33.0"


@pytest.mark.parametrize(
    ("release", "known"),
    [
        ("0.32.0", "0.32.0"),
        ("v0.32.0", "0.32.0"),
        ("0.32", "0.32.0"),
        ("0.32.4", "0.32.0"),
        ("0.32.1rc1.dev3+g1234567", "0.32.0"),
        ("0.32.0+cpu", "0.32.0"),
        ("0.14.0", "0.14.1"),
        ("0.17.0", "0.17.0"),
        ("0.17.5", "0.17.1"),
    ],
)
def test_a_patch_release_is_answered_by_its_minor(release: str, known: str) -> None:
    assert options_of(release).release == known


@pytest.mark.parametrize(
    ("release", "nearest"),
    [("0.34.0", "0.33.0"), ("1.0.0", "0.33.0"), ("0.11.2", "0.12.0"), ("nightly", "0.33.0")],
)
def test_an_unknown_release_names_the_nearest_known(release: str, nearest: str) -> None:
    with pytest.raises(UnknownRelease, match=release) as refused:
        options_of(release)
    assert refused.value.nearest == nearest


def test_the_kinds_of_every_option_of_every_release_are_known() -> None:
    """A spec of an unknown kind would fail here; packing has refused it long before."""
    kinds = {option(name, options).kind for options in ALL for name in options.names()}
    assert kinds == set(Kind)


@pytest.mark.parametrize(
    ("name", "kind", "many", "default"),
    [
        ("tensor-parallel-size", Kind.INTEGER, False, 1),
        ("gpu-memory-utilization", Kind.NUMBER, False, 0.92),
        ("max-model-len", Kind.HUMAN_INTEGER_OR_AUTO, False, None),
        ("max-num-batched-tokens", Kind.HUMAN_INTEGER, False, None),
        ("enforce-eager", Kind.SWITCH, False, False),
        ("enable-prefix-caching", Kind.SWITCH, False, None),
        ("headless", Kind.FLAG, False, False),
        ("dtype", Kind.STRING, False, "auto"),
        ("api-key", Kind.STRING, True, None),
        ("middleware", Kind.STRING, True, []),
        ("cudagraph-capture-sizes", Kind.INTEGER, True, None),
        ("compilation-config", Kind.JSON, False, {}),
        ("hf-overrides", Kind.JSON_OR_STRING, False, {}),
        ("hf-token", Kind.STRING_OR_FLAG, False, None),
        ("device-ids", Kind.ID_LIST, False, None),
        ("lora-modules", Kind.LORA_MODULES, True, None),
        ("allowed-origins", Kind.JSON, False, []),
        ("logging-config", Kind.JSON, False, UNSET),
        ("model", Kind.STRING, False, "Qwen/Qwen3-0.6B"),
    ],
)
def test_known_options(name: str, kind: Kind, many: bool, default: object) -> None:
    found = option(name)
    assert (found.kind, found.many, found.default) == (kind, many, default)


def test_what_else_an_option_knows_of_itself() -> None:
    utilization = option("device-memory-utilization")
    assert utilization.name == "gpu-memory-utilization"
    assert utilization.flags == ("--gpu-memory-utilization", "--device-memory-utilization")
    assert (utilization.above, utilization.at_most) == (0, 1)
    assert (utilization.at_least, utilization.below, utilization.group) == (
        None,
        None,
        "CacheConfig",
    )
    assert option("dtype").choices == ("auto", "bfloat16", "float", "float16", "float32", "half")
    assert option("tokenizer-mode").choices is None
    assert "mistral" in option("tokenizer-mode").suggested
    assert "hermes" in option("tool-call-parser").suggested
    assert option("moe-backend").folded
    assert option("middleware").repeated
    assert option("max-model-len").suffixes == "kKmMgGtT"
    assert option("max-num-batched-tokens", ALL[0]).suffixes == "kKmMgG"
    assert option("speculative-config").config == "SpeculativeConfig"
    assert (option("chat-template").optional, option("chat-template").null_text) == (True, True)
    assert (option("tokenizer").optional, option("response-role").optional) == (True, False)
    assert (option("disable-cascade-attn").deprecated, option("dtype").deprecated) == (True, False)
    assert option("disable-cascade-attn").leaves == "0.33.0"
    assert option("max-lora-rank").choices == (1, 8, 16, 32, 64, 128, 256, 320, 512)


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("tensor-parallel-size", "tensor-parallel-size"),
        ("tensor_parallel_size", "tensor-parallel-size"),
        ("--tensor-parallel-size", "tensor-parallel-size"),
        ("--tensor_parallel_size", "tensor-parallel-size"),
        ("-tp", "tensor-parallel-size"),
        ("-q", "quantization"),
        ("device_memory_utilization", "gpu-memory-utilization"),
        ("tp", "tensor-parallel-size"),
        ("--tp", None),
        ("-tensor-parallel-size", None),
        ("Tensor-Parallel-Size", None),
        ("tensor-parallel", None),
        ("compilation-config.mode", None),
        ("no-enforce-eager", None),
        ("help", None),
        ("", None),
        ("-", None),
        ("--", None),
    ],
)
def test_finding_an_option_by_its_spelling(spelling: str, name: str | None) -> None:
    found = NOW.find(spelling)
    assert (found and found.name) == name


def test_a_negation_is_found_apart_because_it_turns_the_value_round() -> None:
    names = {"no_enforce_eager": "enforce-eager", "--disable-lora": "enable-lora", "no-x": None}
    assert {
        spelling: (found := NOW.negated(spelling)) and found.name for spelling in names
    } == names
    assert options_of("0.32.0").negated("disable-lora") is None  # new in 0.33.0
    assert option("enforce-eager").negations == ("--no-enforce-eager",)


@pytest.mark.parametrize(
    ("spelling", "names"),
    [
        ("serve", ("served-model-name",)),
        ("max-model", ("max-model-len",)),
        ("gpu_mem", ("gpu-memory-utilization",)),
        ("tensor-par", ("tensor-parallel-size",)),
        ("--mod", ("model", "model-class-overrides", "model-impl", "model-loader-extra-config")),
        ("port", ()),
        ("no-enforce-eager", ()),
        ("xyz", ()),
        ("", ()),
    ],
)
def test_what_argparse_would_take_an_abbreviation_for(
    spelling: str, names: tuple[str, ...]
) -> None:
    assert NOW.prefixed_by(spelling) == names


def test_every_spelling_leads_to_its_own_option() -> None:
    for options in ALL:
        for name in options.names():
            found = option(name, options)
            assert [option(flag, options) for flag in found.flags] == [found] * len(found.flags)
            assert [options.negated(flag) for flag in found.negations] == [found] * len(
                found.negations
            )
            assert found.flags[0] == f"--{name}"
            assert (found.kind is Kind.SWITCH) == bool(found.negations)


def test_the_keys_of_a_json_option() -> None:
    keys = NOW.config_keys("CompilationConfig")
    assert keys is not None
    assert keys["cudagraph_capture_sizes"].accepts == (JsonType.LIST,)
    assert keys["debug_dump_path"].accepts == (JsonType.STRING, JsonType.NULL)
    assert keys["compile_cache_save_format"].choices == ("binary", "unpacked")
    assert keys["pass_config"].config == "PassConfig"
    assert keys["mode"].accepts is None  # an enum that takes numbers and names
    assert "compilation_time" not in keys  # filled by vLLM, refused in JSON
    assert NOW.config_keys("NoSuchConfig") is None
    assert options_of("0.32.0").config_keys("WatchdogConfig") is None


def test_every_config_class_an_option_names_has_keys() -> None:
    for options in ALL:
        configs = {option(name, options).config for name in options.names()} - {None}
        waiting = [config for config in configs if config]
        while waiting:
            keys = options.config_keys(waiting.pop())
            assert keys
            waiting += [key.config for key in keys.values() if key.config]


def test_variables() -> None:
    env = NOW.env
    assert (env["VLLM_PORT"].kind, env["VLLM_PORT"].optional) == (Kind.INTEGER, True)
    assert env["VLLM_WORKER_MULTIPROC_METHOD"].choices == ("fork", "spawn")
    assert env["VLLM_LOGGING_LEVEL"].default == "INFO"
    assert env["VLLM_CACHE_ROOT"].default is UNSET  # depends on the machine
    assert "VLLM_ATTENTION_BACKEND" not in env
    assert "VLLM_ATTENTION_BACKEND" in options_of("0.14.1").env
    assert len(env) == len(list(env)) > 300


@pytest.mark.parametrize(
    ("name", "text", "reading"),
    [
        ("VLLM_BATCH_INVARIANT", "1", Reading.ON),
        ("VLLM_BATCH_INVARIANT", "true", Reading.REFUSED),
        ("VLLM_BATCH_INVARIANT", "enabled", Reading.REFUSED),
        ("VLLM_BATCH_INVARIANT", "7", None),
        ("VLLM_NO_USAGE_STATS", "true", Reading.OFF),
        ("VLLM_USE_MODELSCOPE", "True", Reading.ON),
        ("VLLM_USE_MODELSCOPE", "yes", Reading.OFF),
        ("VLLM_DEBUG_LOG_API_SERVER_RESPONSE", "1", Reading.OFF),
        ("VLLM_TRITON_USE_TD", "true", Reading.UNSET),
        ("NO_COLOR", "false", Reading.ON),
        ("VLLM_LOGGING_LEVEL", "1", None),
    ],
)
def test_what_a_boolean_variable_makes_of_a_text(
    name: str, text: str, reading: Reading | None
) -> None:
    assert NOW.env[name].reads(text) is reading


@pytest.mark.parametrize(
    ("name", "on", "off"),
    [
        ("VLLM_BATCH_INVARIANT", "1", "0"),
        ("VLLM_DEBUG_LOG_API_SERVER_RESPONSE", "true", "1"),
        ("VLLM_TPU_USING_PATHWAYS", None, "1"),
    ],
)
def test_how_a_boolean_variable_is_switched(name: str, on: str | None, off: str | None) -> None:
    variable = NOW.env[name]
    assert (variable.spelling(on=True), variable.spelling(on=False)) == (on, off)


def test_every_boolean_variable_of_every_release_was_measured() -> None:
    for options in ALL:
        booleans = [v for v in options.env.values() if v.kind is Kind.SWITCH]
        assert len(booleans) > 90
        assert all(v.readings for v in booleans)
        for variable in booleans:
            for on, meant in ((True, Reading.ON), (False, Reading.OFF)):
                text = variable.spelling(on=on)
                assert text is None or variable.reads(text) is meant


@given(st.sampled_from(ALL), st.text())
def test_any_text_may_be_asked_for(options: Options, text: str) -> None:
    found = options.find(text)
    assert found is None or found.name in options.names()
    assert all(name in options.names() for name in options.prefixed_by(text))


def test_loading_imports_little_and_takes_milliseconds() -> None:
    """CPU time in a fresh interpreter, beyond what its imports cost; 15 ms is a generous limit."""
    program = (
        "import dataclasses, enum, functools, json, pathlib, re, sys, typing, zlib\n"
        "before = set(sys.modules)\n"
        "import time\n"
        "start = time.process_time()\n"
        "from mixvllm.vllm.options import options_of\n"
        "assert options_of('0.32.0').find('tensor-parallel-size').default == 1\n"
        "print(time.process_time() - start, *sorted(set(sys.modules) - before))\n"
    )
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    taken, *imported = min((run.stdout.split() for run in runs), key=lambda words: float(words[0]))
    assert [name for name in imported if not name.startswith("mixvllm")] == []
    assert float(taken) < 0.05  # three times the goal: other work runs beside the tests


def test_asking_again_is_nearly_free() -> None:
    begin = time.process_time()
    for _ in range(1000):
        options_of("0.33.0").find("tensor-parallel-size")
    assert time.process_time() - begin < 0.1


def test_the_table_is_small() -> None:
    assert RELEASES.stat().st_size < 100_000


@pytest.mark.parametrize("release", ["0." + "9" * 5000, "9" * 5000, "0.33." + "1" * 5000])
def test_a_release_of_thousands_of_digits_is_none(release: str) -> None:
    if release.startswith("0.33."):
        assert options_of(release).release == "0.33.0"
        return
    with pytest.raises(UnknownRelease):
        options_of(release)
