"""What is a typing error beyond doubt, and what only looks like one."""

import pytest

from mixvllm.vllm.options import options_of
from mixvllm.vllm.slip import is_slip

NAMES = options_of("0.32.0").names()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("tensor-paralel-size", "tensor-parallel-size"),
        ("tensor_parallel_szie", "tensor-parallel-size"),
        ("gpu-memory-utilisation", "gpu-memory-utilization"),
        ("maxmodellen", "max-model-len"),
        ("Max-Model-Len", "max-model-len"),
        ("enable-prefixcaching", "enable-prefix-caching"),
        ("kv-cache-dtyp", "kv-cache-dtype"),
    ],
)
def test_a_slip_of_the_keys(written: str, meant: str) -> None:
    assert is_slip(written, meant, NAMES)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("min-model-len", "max-model-len"),
        ("tp-size", "tensor-parallel-size"),
        ("max-model-length", "max-model-len"),
        ("disable-prefix-caching", "enable-prefix-caching"),
        ("no-enforce-eager", "enforce-eager"),
        ("tensor-parallel", "tensor-parallel-size"),
    ],
)
def test_another_word_is_no_slip(written: str, meant: str) -> None:
    assert not is_slip(written, meant, NAMES)


@pytest.mark.parametrize("written", ["fp9", "fp8_e4m2", "float6", "int4"])
def test_digits_must_be_right(written: str) -> None:
    known = ("fp8", "fp8_e4m3", "fp8_e5m2", "float16", "int8")
    assert not any(is_slip(written, meant, known) for meant in known)


def test_what_may_be_two_words_is_neither() -> None:
    assert is_slip("hosts", "host", ["host", "port"])
    assert not is_slip("port", "part", ["part", "sort"])
