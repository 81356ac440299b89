"""Profiles made to hurt, and what may come of them: findings, soon, and never a traceback.

Seeds are real profiles; what is bred from them is spliced, cut, doubled, nested, or made of the
signs of YAML alone. `python -m mixvllm.testing.fuzz` and the tests draw from here.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Final

from mixvllm.services.check import Checked, Request, check

SIGNS: Final = (
    b"a", b": ", b"- ", b"\n", b"  ", b"[", b"]", b"{", b"}", b"&x ", b"*x", b"!!str ", b"|\n",
    b">-\n", b"'", b'"', b"# ", b"\t", b"<<: ", b"? ", b"---\n", b"...\n", b"${env:A}", b"${",
    b"${file:/dev/zero}", b", ", b"%YAML 1.1\n", b"0o7", b"1_0", b"1:30", b"\xc3\xa9", b"\xe6\x97",
    b"\xef\xbb\xbf", b"\r\n", b"\x00", b"\x07", b"\xe2\x80\xa8", b"\xff\xfe", b"\\", b"~", b"null",
    b"true", b"off", b".nan", b".inf", b"9" * 30, b"-", b"=", b"!", b"@", b"`", b"model: m\n",
    b"server:\n", b"  port: ", b"vllm:\n  args:\n", b"    max-num-seqs: ", b"  env:\n",
    b"    VLLM_LOGGING_LEVEL: ", b"extends: ", b"gpus: {select: ", b"x-a: &a ", b"version: ",
    b"    compilation-config: ", b"'{\"mode\": ", b"nodes: ", b"replicas: ", b"terminal: ",
)  # fmt: skip


def judged(raw: bytes, path: Path = Path("profile.yaml")) -> Checked:
    """The bytes as `validate` takes them. Whatever this raises is a bug."""
    return check(Request(path, {"PATH": "", "HOME": "/nonexistent"}, release="0.32.0", text=raw))


def bred(seeds: Sequence[bytes], random: Random) -> bytes:
    """A text that nobody wrote."""
    raw = random.choice(seeds)
    for _ in range(random.randint(1, 4)):
        raw = random.choice(_WAYS)(raw, seeds, random)
    return raw


def _flip(raw: bytes, _: Sequence[bytes], random: Random) -> bytes:
    changed = bytearray(raw or b" ")
    for _i in range(random.randint(1, 5)):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def _cut(raw: bytes, _: Sequence[bytes], random: Random) -> bytes:
    begin, end = sorted(random.randint(0, len(raw)) for _i in range(2))
    return raw[:begin] + raw[end:]


def _double(raw: bytes, _: Sequence[bytes], random: Random) -> bytes:
    begin, end = sorted(random.randint(0, len(raw)) for _i in range(2))
    return raw[:end] + raw[begin:end] * random.choice((1, 2, 50)) + raw[end:]


def _splice(raw: bytes, seeds: Sequence[bytes], random: Random) -> bytes:
    other = random.choice(seeds)
    return raw[: random.randint(0, len(raw))] + other[random.randint(0, len(other)) :]


def _insert(raw: bytes, _: Sequence[bytes], random: Random) -> bytes:
    at = random.randint(0, len(raw))
    return raw[:at] + b"".join(random.choices(SIGNS, k=random.randint(1, 8))) + raw[at:]


def _swap_lines(raw: bytes, _: Sequence[bytes], random: Random) -> bytes:
    lines = raw.split(b"\n")
    random.shuffle(lines)
    return b"\n".join(lines)


def _value(raw: bytes, _: Sequence[bytes], random: Random) -> bytes:
    """One value of the profile becomes something else."""
    lines = raw.split(b"\n")
    at = random.randrange(len(lines))
    key, colon, _old = lines[at].partition(b":")
    new = (b"[]", b"{}", b"null", b"''", b"[[1]]", b"{a: {b: 1}}", b"-1", b"1e400", b"9" * 400,
           b"0x1F", b"true", b"*x", b"&x 1", b"!x 1", b"${env:A:-1}", b"'\\0'", b'"\\ud800"',
           b"[1, a, null, 1.5]", b"|\n      text", b"{method: [1], model: {}}", b"'{\"a\": [1'",
           b"a" * 3000)  # fmt: skip
    lines[at] = key + (colon or b":") + b" " + random.choice(new)
    return b"\n".join(lines)


def _signs(_raw: bytes, _: Sequence[bytes], random: Random) -> bytes:
    return b"".join(random.choices(SIGNS, k=random.randint(1, 80)))


def _nest(raw: bytes, _: Sequence[bytes], random: Random) -> bytes:
    sign = random.choice((b"[", b"{a: ", b"- ", b"? ", b"!!map {b: ", b"&a [", b"(", b'"', b"'"))
    at = random.randint(0, len(raw))
    return raw[:at] + sign * random.choice((3, 58, 61, 200, 2000)) + raw[at:]


_WAYS: Final[tuple[Callable[[bytes, Sequence[bytes], Random], bytes], ...]] = (
    _flip, _cut, _double, _splice, _insert, _swap_lines, _value, _value, _signs, _nest,
)  # fmt: skip
