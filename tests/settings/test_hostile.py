"""Any bytes end in findings or a profile: never in an exception, and soon."""

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.services.check import Request, check
from mixvllm.settings.sources import Override
from mixvllm.settings.tree_builder import MAX_WRITTEN
from mixvllm.testing.hostile import SIGNS, bred, judged

DATA = Path(__file__).parents[1] / "data"
SEEDS = [
    path.read_bytes()
    for folder in ("good_profiles", "bad_profiles")
    for path in sorted((DATA / folder).glob("*.yaml"))
]
KILO = 1000


@given(st.binary(max_size=2000))
def test_any_bytes(raw: bytes) -> None:
    judged(raw)


@given(st.lists(st.sampled_from(SIGNS), max_size=60).map(b"".join))
def test_any_mixture_of_signs(raw: bytes) -> None:
    judged(raw)


@given(st.integers(0, 2**64))
def test_what_is_bred_from_real_profiles(seed: int) -> None:
    judged(bred(SEEDS, Random(seed)))


_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
    st.sampled_from(["model", "server", "port", "vllm", "args", "max-num-seqs", "${env:A}"]),
)  # fmt: skip
_trees = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["model", "server", "vllm", "args", "env", "gpus", "select", "port",
                             "name", "compilation-config", "nodes", "extends", "terminal"]),
            inner, max_size=4,
        ),
    ),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["model", "server", "vllm", "gpus", "nodes", "ops",
                                        "supervisor", "generation_defaults", "inference"]),
                       _trees, max_size=6))  # fmt: skip
def test_any_tree(tree: dict[str, object]) -> None:
    judged(repr(tree).encode("utf-8", "replace"))  # Python's literals are nearly YAML's


@given(
    st.dictionaries(
        st.sampled_from(["server.port", "vllm.args.compilation-config", "vllm.args.a.b.c",
                         "gpus.select", "nodes", "server", "model", "vllm.env.VLLM_PORT", "", "."]),
        st.one_of(st.text(max_size=30), st.sampled_from(["[" * 5000, "{" * 5000, "9" * 5000])),
    )
)  # fmt: skip
def test_any_text_of_an_option_or_a_variable(texts: dict[str, str]) -> None:
    environ = {"PATH": ""} | {
        f"MIXVLLM_{key.upper().replace('.', '__').replace('-', '_')}": text
        for key, text in texts.items()
        if "\0" not in text
    }
    overrides = [Override(f"--set {key}", key, text) for key, text in texts.items()]
    path = Path("profile.yaml")
    check(Request(path, environ, release="0.32.0", text=b"model: m\n"))
    check(Request(path, {"PATH": ""}, overrides, release="0.32.0", text=b"model: m\n"))


def _extreme() -> Iterator[tuple[str, bytes]]:
    """Texts of some 250 kB, as large as a profile may be; larger ones are not read."""
    size = 250 * KILO
    args = b"model: m\nvllm:\n  args:\n"
    for name, sign in {
        "brackets": b"[", "braces": b"{a: ", "dashes": b"- ", "questions": b"? ", "quotes": b"'",
        "double-quotes": b'"', "colons": b":", "stars": b"*", "amps": b"&", "bangs": b"!",
        "tabs": b"\t", "newlines": b"\n", "spaces": b" ", "nuls": b"\0", "percents": b"%",
        "documents": b"---\na: 1\n", "wide": "名".encode(), "comments": b"#", "backslashes": b"\\",
    }.items():  # fmt: skip
        yield name, sign * (size // len(sign))
    for name, sign in {
        "digits": b"9", "zeros": b"0", "underscores": b"1_", "base-60": b"1:1", "dollars": b"${",
        "never-closed": b"${env:", "filled": b"${env:A:-}", "escapes": b"\\x41",
    }.items():  # fmt: skip
        yield name, b"model: m\nserver: {port: " + sign * (size // len(sign)) + b"}\n"
        yield f"quoted-{name}", b'model: "' + sign * (size // len(sign)) + b'"\n'
    yield "keys", b"".join(b"k%d: 1\n" % i for i in range(20 * KILO))
    yield "fewer-keys", b"".join(b"k%d: 1\n" % i for i in range(MAX_WRITTEN // 2 - 2))
    yield "options", args + b"".join(b"    k%d: 1\n" % i for i in range(MAX_WRITTEN // 2 - 8))
    env = args.replace(b"args", b"env")
    yield "variables", env + b"".join(b"    VLLM_%d: 1\n" % i for i in range(MAX_WRITTEN // 2 - 8))
    yield "list", b"model: m\nx-a: [" + b",".join([b"1"] * 120 * KILO) + b"]"
    yield "anchors", b"".join(b"x-%d: &a%d 1\n" % (i, i) for i in range(MAX_WRITTEN // 2 - 2))
    yield "aliases", b"model: m\nx-a: [" + b",".join([b"*b"] * (MAX_WRITTEN - 9)) + b"]"
    yield "duplicates", b"model: m\n" * (MAX_WRITTEN // 2 - 2)
    yield "secrets", b"model: m\nserver: {" + b"api_key: a, " * (MAX_WRITTEN // 2 - 9) + b"}"
    yield "glued", b"model: m\nserver:\n" + b"  a:b\n" * (40 * KILO)
    yield (
        "merge-bomb",
        b"".join(
            b"x-%d: &a%d {<<: [%s], k%d: 1}\n" % (i, i, b",".join([b"*a%d" % (i - 1)] * 9), i)
            for i in range(1, 300)
        ).replace(b"*a0", b"{}"),
    )
    yield "wide-merge", (
        b"x-a: &a {" + b",".join(b"k%d: 1" % i for i in range(2000)) + b"}\n" + args
        + b"    <<: [" + b",".join([b"*a"] * 1900) + b"]\n"
    )  # fmt: skip
    for name, text in {
        "brackets": b"[" * (size - 99), "deep": b'{"a":' * (15 * KILO) + b"1" + b"}" * (15 * KILO),
        "keys": b"{" + b",".join(b'"k%d":1' % i for i in range(20 * KILO)) + b"}",
        "twice": b"{" + b",".join(b'"k%d":1,"k%d":1' % (i, i) for i in range(8 * KILO)) + b"}",
        "numbers": b'{"a":' + b"9" * (size - 99) + b"}",
    }.items():  # fmt: skip
        for option in (b"compilation-config", b"hf-overrides", b"allowed-origins"):
            yield f"{option.decode()}-{name}", args + b"    " + option + b": '" + text + b"'\n"


EXTREME = dict(_extreme())


@pytest.mark.parametrize("name", EXTREME)
def test_the_extreme_is_judged_soon(name: str) -> None:
    start = time.process_time()
    found = judged(EXTREME[name])
    assert time.process_time() - start < 4.0  # a second on a free machine; tests share theirs
    assert max((len(d.message) for d in found.diagnostics), default=0) < 2000
