"""What an editor or a copy may do to the bytes of a profile."""

import pytest

from mixvllm.core.origin import FileSpan
from tests.rules.checking import checked


def places(raw: bytes) -> list[tuple[str, int, int, int]]:
    found = [(d.code, d.origin) for d in checked(raw).diagnostics]
    assert all(isinstance(span, FileSpan) for _, span in found)
    return [(c, o.line, o.column, o.end_column) for c, o in found if isinstance(o, FileSpan)]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"model: m\r\nserver:\r\n  prot: 1\r\n", [("MX100", 3, 3, 7)]),
        (b"model: m\rserver:\r  prot: 1\r", [("MX100", 3, 3, 7)]),
        (b"model: m\r\nserver:\n  port: x\r\n", [("MX110", 3, 9, 10)]),
        (b"\xef\xbb\xbfmodle: m\n", [("MX100", 1, 1, 6)]),
        (b"\xef\xbb\xbfmodel: m\nserver: {prot: 1}\n", [("MX100", 2, 10, 14)]),
        (b"model: m\n\xef\xbb\xbfserver: {port: 1}\n", [("MX020", 2, 1, 2)]),
        ("model: m\n".encode("utf-16"), [("MX020", 1, 1, 2)]),
        ("model: m\n".encode("utf-16-le"), [("MX020", 1, 2, 3)]),
        ("model: m\n".encode("utf-32"), [("MX020", 1, 1, 2)]),
        ("model: m\nx-ort: München\n".encode("latin-1"), [("MX020", 2, 9, 10)]),
        ("x-é: é\nmodel: \x07\n".encode(), [("MX020", 2, 8, 9)]),
        (b"model: m\nx-a: \xe2\x82\n", [("MX020", 2, 6, 7)]),
        (b"model: a\0b\n", [("MX020", 1, 9, 10)]),
        (b"\0", [("MX020", 1, 1, 2)]),
        ("model: m\nx-a: \ufffe\n".encode(), [("MX020", 2, 6, 7)]),
        (b"model: m\nserver: {port: x}", [("MX110", 2, 16, 17)]),
        (b"model: m\nserver: {port: x}\n\n\n   \n# end", [("MX110", 2, 16, 17)]),
        (b"x-long: " + b"y" * 5000 + b"\nmodel: m\nprot: 1\n", [("MX100", 3, 1, 5)]),
        (b"model: m\nserver: {" + b" " * 5000 + b"prot: 1}\n", [("MX100", 2, 5010, 5014)]),
        ("model: m\u0085server: {port: x}\n".encode(), [("MX027", 1, 16, 17)]),
        ("model: a\u2028b\nserver: {port: x}\n".encode(), [("MX110", 2, 16, 17)]),
        ("x-\u0065\u0301: \u0065\u0301\nserver: {e\u0301: 1}\nmodel: m\n".encode(),
         [("MX100", 2, 10, 12)]),
        ("x-名: 名名\nmodel: m\nserver: {名名: 1}\n".encode(), [("MX100", 3, 10, 12)]),
        ("model: m\nserver: {root_path: 🚀, prot: 1}\n".encode(), [("MX100", 2, 24, 28)]),
    ],
)  # fmt: skip
def test_a_place_counts_lines_and_code_points(
    raw: bytes, expected: list[tuple[str, int, int, int]]
) -> None:
    assert places(raw) == expected
