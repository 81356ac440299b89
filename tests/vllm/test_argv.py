"""A value either arrives in vLLM as it was written, or is refused with a reason."""

import json
import math
import os
import subprocess  # the other side is a Python that has vLLM, read through a pipe
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.vllm.argv import Inexpressible, render_value
from mixvllm.vllm.options import Option, Options, options_of
from tests.vllm.values_to_say import expected, same, values_of

NOW = options_of("0.33.0")
VLLM_PYTHON = os.environ.get("TEST_VLLM_PYTHON", "")


def option(name: str, options: Options = NOW) -> Option:
    found = options.find(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("tensor-parallel-size", 2, ["--tensor-parallel-size=2"]),
        ("gpu-memory-utilization", 0.9, ["--gpu-memory-utilization=0.9"]),
        ("gpu-memory-utilization", 1, ["--gpu-memory-utilization=1"]),
        ("max-model-len", "32k", ["--max-model-len=32k"]),
        ("max-model-len", "auto", ["--max-model-len=auto"]),
        ("max-model-len", -1, ["--max-model-len=-1"]),
        ("chat-template", "--odd.jinja", ["--chat-template=--odd.jinja"]),
        ("revision", 1234567, ["--revision=1234567"]),
        ("enforce-eager", True, ["--enforce-eager"]),
        ("enforce-eager", False, ["--no-enforce-eager"]),
        ("headless", True, ["--headless"]),
        ("headless", False, []),
        ("enable-prefix-caching", None, []),
        ("max-model-len", None, []),
        ("served-model-name", "a", ["--served-model-name=a"]),
        ("served-model-name", ["a", "b"], ["--served-model-name", "a", "b"]),
        ("served-model-name", ["-x"], ["--served-model-name=-x"]),
        ("served-model-name", ["-5", "-"], ["--served-model-name", "-5", "-"]),
        ("cudagraph-capture-sizes", [1, 2, 4], ["--cudagraph-capture-sizes", "1", "2", "4"]),
        ("middleware", ["a.b", "-c"], ["--middleware=a.b", "--middleware=-c"]),
        ("middleware", [], []),
        ("allowed-origins", ["*"], ['--allowed-origins=["*"]']),
        ("allowed-origins", [], ["--allowed-origins=[]"]),
        ("compilation-config", {"mode": 3}, ['--compilation-config={"mode":3}']),
        ("compilation-config", '{"mode": 3}', ['--compilation-config={"mode": 3}']),
        ("hf-overrides", {"b": 1, "a": None}, ['--hf-overrides={"b":1,"a":null}']),
        ("pt-load-map-location", "cuda", ["--pt-load-map-location=cuda"]),
        ("pt-load-map-location", {"cuda": "cpu"}, ['--pt-load-map-location={"cuda":"cpu"}']),
        ("moe-backend", "Deep-GEMM", ["--moe-backend=Deep-GEMM"]),
        ("device-ids", [0, 2], ["--device-ids=0,2"]),
        ("device-ids", ["GPU-a", "GPU-b"], ["--device-ids=GPU-a,GPU-b"]),
        ("lora-modules", ["a=/a", "b=/b"], ["--lora-modules", "a=/a", "b=/b"]),
        ("lora-modules", "a=b=,c", ['--lora-modules={"name":"a","path":"b=,c"}']),
        ("lora-modules", {"name": "a", "path": "/a"}, ['--lora-modules={"name":"a","path":"/a"}']),
        ("hf-token", True, ["--hf-token"]),
        ("hf-token", "hf_x", ["--hf-token=hf_x"]),
        ("reasoning-parser", "", ["--reasoning-parser="]),
    ],
)
def test_a_value_becomes_words(name: str, value: object, words: list[str]) -> None:
    assert render_value(option(name), value) == tuple(words)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("chat-template", "", "vLLM reads '' as null here"),
        ("chat-template", "None", "vLLM reads 'None' as null here"),
        ("response-role", None, "it has no null"),
        ("response-role", "--", "argparse drops '--' wherever it stands"),
        ("response-role", "a\0b", "a command line cannot hold a NUL character"),
        ("response-role", "\ud800", "it holds half of a surrogate pair, which is no character"),
        ("response-role", 1.5, "it takes text, not a fraction; quote it"),
        ("response-role", True, "it takes text, not a boolean; quote it"),
        ("enforce-eager", "false", "it is true or false, not text"),
        ("enforce-eager", None, "it has no null"),
        ("port", "8000", "it takes an integer, not text"),
        ("port", True, "it takes an integer, not a boolean"),
        ("port", 8000.0, "it takes an integer, not a fraction"),
        ("gpu-memory-utilization", "0.9", "it takes a number, not text"),
        ("max-num-batched-tokens", "auto", "'auto' is not a number vLLM reads"),
        (
            "max-num-batched-tokens",
            "1.5K",
            "'1.5K': vLLM takes a fraction only before a small letter",
        ),
        ("served-model-name", [], "a list on the command line has at least one item"),
        ("served-model-name", ["a", "-x"], "item 2 of 2 starts with a dash"),
        ("served-model-name", [""], "vLLM reads '' as null here"),
        ("served-model-name", [None], "it takes text, not null"),
        ("dtype", "fp16", "'fp16' is not one of auto, "),
        ("block-size", "x", "it takes an integer, not text"),
        ("compilation-config", 3, "it takes a mapping of CompilationConfig, not a number"),
        ("compilation-config", "{mode: 3}", "it takes JSON, and this is none"),
        ("hf-overrides", {1: 2}, "JSON has only keys of text; quote the key 1"),
        ("hf-overrides", {"a": [math.inf]}, "JSON has no infinity and no nan"),
        ("hf-overrides", {"a": {1, 2}}, "JSON has no a set"),
        ("hf-overrides", "{a}", "it takes JSON, and this is none"),
        ("device-ids", ["0"], "vLLM would not read '0' as one text"),
        ("device-ids", [], "an empty list of devices cannot be said"),
        ("lora-modules", {"name": "a"}, "a LoRA module needs a name and a path"),
        ("lora-modules", "a", "a LoRA module is NAME=PATH, or a mapping with name and path"),
        ("lora-modules", {"nam": "a", "path": "b"}, "a LoRA module has no `nam`, only name, path,"),
        ("lora-modules", '{"name": "a", "path": "b", "bse": 1}', "a LoRA module has no `bse`"),
        ("lora-modules", "{a", "it takes JSON, and this is none"),
        ("lora-modules", 3, "a LoRA module is NAME=PATH or a mapping, not a number"),
        ("hf-token", False, "it takes text, not a boolean; quote it"),
        ("config", "a.yaml", "a second file would set options that nobody has checked"),
    ],
)
def test_what_cannot_be_said_is_refused_with_the_reason(
    name: str, value: object, reason: str
) -> None:
    with pytest.raises(Inexpressible) as refused:
        render_value(option(name), value)
    assert str(refused.value).startswith(reason)


@pytest.mark.parametrize("secret", ["-sk-verysecret", ["ok", "-sk-verysecret"], {"sk-verysecret"}])
def test_a_reason_never_repeats_a_secret(secret: object) -> None:
    with pytest.raises(Inexpressible) as refused:
        render_value(
            option("api-key"), ["first", *secret] if isinstance(secret, list) else [secret, "-"]
        )
    assert "verysecret" not in str(refused.value)


JSON_VALUES: st.SearchStrategy[object] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), JSON_VALUES))
def test_json_arrives_as_it_was(value: dict[str, object]) -> None:
    (word,) = render_value(option("additional-config"), value)
    assert json.loads(word.removeprefix("--additional-config=")) == value
    assert word.isascii()


@given(st.sampled_from(NOW.names()), JSON_VALUES)
def test_every_value_of_every_option_is_rendered_or_refused(name: str, value: object) -> None:
    try:
        words = render_value(option(name), value)
    except Inexpressible:
        return
    assert not words or words[0].partition("=")[0] in (f"--{name}", f"--no-{name}")
    assert all("\0" not in word for word in words)


# ---- the same against the parser of the real vLLM


def parse_with_vllm(asked: list[tuple[str, tuple[str, ...]]]) -> list[dict[str, object]]:
    lines = "".join(json.dumps([name.replace("-", "_"), words]) + "\n" for name, words in asked)
    program = Path(__file__).with_name("parse_with_vllm.py")
    environ = {**os.environ, "VLLM_LOGGING_LEVEL": "ERROR", "HF_HUB_OFFLINE": "1"}
    run = subprocess.run(
        [VLLM_PYTHON, "-P", str(program)],
        input=lines,
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
        env=environ,
    )
    return [json.loads(line) for line in run.stdout.splitlines()]


@pytest.mark.engine
@pytest.mark.timeout(300)
@pytest.mark.skipif(not VLLM_PYTHON, reason="TEST_VLLM_PYTHON names no Python with vLLM")
def test_every_value_arrives_in_the_real_parser_or_is_refused_rightly() -> None:
    options = options_of(os.environ.get("TEST_VLLM_RELEASE", "0.32.0"))
    said: list[tuple[Option, object, tuple[str, ...]]] = []
    refused: list[tuple[Option, object, tuple[str, ...]]] = []
    for tried in (option(name, options) for name in options.names() if name != "config"):
        for value in values_of(tried, options):
            if tried.name == "reasoning-parser" and value in ("None", "none"):
                continue  # from 0.33.0 on vLLM takes it for the default, and says so
            try:
                said.append((tried, value, render_value(tried, value)))
            except Inexpressible:
                if (naive := naive_words(tried, value)) is not None:
                    refused.append((tried, value, naive))
    found = parse_with_vllm([(tried.name, words) for tried, _, words in (*said, *refused)])
    arrived = [
        "value" in answer and same(answer["value"], expected(tried, value), tried)
        for (tried, value, _), answer in zip((*said, *refused), found, strict=True)
    ]
    # A config class may refuse keys that do not go together; that the key is known is enough here.
    combined = [
        "validation error" in str(answer.get("error")) and isinstance(value, dict)
        for (_, value, _), answer in zip(said, found, strict=False)
    ]
    wrong = [
        (tried.name, value, words, answer)
        for (tried, value, words), answer, exact, picky in zip(
            said, found, arrived, combined, strict=False
        )
        if not exact and (not picky or "unexpected" in str(answer).lower())
    ]
    sayable = [
        (tried.name, value, words)
        for (tried, value, words), exact in zip(refused, arrived[len(said) :], strict=True)
        if exact
    ]
    print(  # noqa: T201 - shown with -s, and when it fails
        f"{len(options.names()) - 1} options: {len(said)} values said, {sum(combined)} of them "
        f"refused by a config class for want of another key; {len(refused)} refused by us"
    )
    assert wrong == []
    assert sayable == []
    assert len(said) > 2000


def naive_words(option: Option, value: object) -> tuple[str, ...] | None:
    """What a simple program would write; a value that was refused must not get through this way.

    None for what it could not write either: thousands of digits, a word of more than 128 KiB,
    half a character, a number that JSON does not have.
    """
    items = value if isinstance(value, list) and option.many else [value]
    try:
        texts = [
            json.dumps(i, allow_nan=False) if isinstance(i, dict | list) else str(i) for i in items
        ]
        "".join(texts).encode()
    except ValueError:
        return None
    if any(len(text) > 2**16 for text in texts):
        return None
    texts = [text.replace("\0", "") for text in texts]
    if option.many and len(texts) != 1:
        if any(text.startswith("-") and " " in text for text in texts):
            return None  # argparse takes it for a value, but vLLM may have put dashes into it
        return (f"--{option.name}", *texts)
    return (f"--{option.name}={texts[0]}",)
