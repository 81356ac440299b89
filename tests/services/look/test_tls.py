"""Certificates and keys, read as the engine's server would read them."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.services.look.tls import look_at_tls

FOLDER = Path(__file__).parents[2] / "data" / "tls"
BOX, KEY = FOLDER / "box.pem", FOLDER / "box.key.pem"


def test_a_pair_that_works() -> None:
    seen = look_at_tls(BOX, KEY, BOX)
    assert seen is not None
    assert (seen.certificate, seen.key, seen.authorities) == ("", "", "")
    assert seen.not_before is not None
    assert seen.not_after is not None
    assert seen.not_before.year == 2026  # UTCTime
    assert seen.not_after.year == 2126  # GeneralizedTime


def test_the_key_may_stand_in_the_certificates_file(tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_text(KEY.read_text() + BOX.read_text())
    seen = look_at_tls(both, None, None)
    assert seen is not None
    assert (seen.certificate, seen.key) == ("", "")
    alone = look_at_tls(BOX, None, None)
    assert alone is not None
    assert alone.certificate.startswith("holds no private key")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("other.key.pem", "does not belong to the certificate"),
        ("locked.key.pem", "is encrypted"),
        ("locked8.key.pem", "is encrypted"),
        ("box.pem", "holds no private key in PEM form"),
    ],
)
def test_a_key_that_does_not_work(key: str, words: str) -> None:
    seen = look_at_tls(BOX, FOLDER / key, None)
    assert seen is not None
    assert seen.key.startswith(words)


def test_what_is_no_certificate() -> None:
    for path in (KEY, Path(__file__)):
        seen = look_at_tls(path, KEY, path)
        assert seen is not None
        assert seen.certificate == "holds no certificate in PEM form"
        assert seen.authorities == seen.certificate


def test_the_time_of_a_certificate() -> None:
    ended, early = (look_at_tls(FOLDER / name, KEY, None) for name in ("ended.pem", "early.pem"))
    assert ended is not None
    assert ended.not_after == datetime(2021, 1, 1, tzinfo=UTC)
    assert early is not None
    assert early.not_before == datetime(2090, 1, 1, tzinfo=UTC)


def test_a_file_that_cannot_be_read_has_its_own_finding(tmp_path: Path) -> None:
    assert look_at_tls(tmp_path / "none.pem", KEY, None) is None
    assert look_at_tls(tmp_path, KEY, None) is None
    assert look_at_tls(BOX, tmp_path / "none.pem", None) is None


@given(st.binary(max_size=300), st.integers(0, 280))
def test_any_certificate_ends_in_words(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, cut: int
) -> None:
    body = BOX.read_text().split("-----")[2]
    der = base64.b64decode(body)
    for content in (raw, der[:cut], der[:cut] + raw + der[cut:]):
        path = tmp_path_factory.getbasetemp() / "any.pem"
        text = base64.b64encode(content).decode()
        path.write_text(f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
        assert look_at_tls(path, KEY, None) is not None
