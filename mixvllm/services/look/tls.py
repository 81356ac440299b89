"""The certificate of the API and its key: read as uvicorn will, before the start.

vLLM hands both to uvicorn, which opens them when the model is loaded, a minute into the start.
It has no password for a key (vllm/entrypoints/launchers/cli_args.py, 0.32.0).
"""

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mixvllm.core.regular_file import read_beginning
from mixvllm.rules.machine import Tls

_LARGEST: Final = 2**20  # bytes: a certificate with its chain, not a data set
_CERTIFICATE: Final = re.compile(
    r"-----BEGIN (?:TRUSTED )?CERTIFICATE-----\s(.+?)-----END", re.DOTALL
)
_KEY: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_ENCRYPTED: Final = re.compile(r"-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED")
_VERSION: Final = 0xA0  # tags of ASN.1's DER
_UTC_TIME: Final = 0x17


def look_at_tls(certificate: Path, key: Path | None, authorities: Path | None) -> Tls | None:
    """What is wrong with the files. None when one cannot be read: that has its own finding."""
    text = _read(certificate)
    key_text = text if key is None else _read(key)
    if text is None or key_text is None:
        return None
    trust = _what_is_wrong_with_authorities(authorities)
    blocks = _CERTIFICATE.findall(text)
    if not blocks:
        return Tls("holds no certificate in PEM form", authorities=trust)
    try:
        begin, end = _validity(base64.b64decode(blocks[0], validate=False))
    except (ValueError, IndexError):
        return Tls("holds a certificate that cannot be read", authorities=trust)
    what = "" if key is not None else "holds no private key, and server.ssl_keyfile is not set"
    if _ENCRYPTED.search(key_text):
        return Tls("", "is encrypted, and vLLM has no way to ask for its password", trust)
    if not _KEY.search(key_text):
        return Tls(what, "" if what else "holds no private key in PEM form", trust, begin, end)
    return Tls("", _mismatch(certificate, key), trust, begin, end)


def _read(path: Path) -> str | None:
    """A regular file of a sane size; a pipe would be waited for."""
    try:
        return read_beginning(path, at_most=_LARGEST).decode("ascii", errors="replace")
    except OSError:
        return None


def _mismatch(certificate: Path, key: Path | None) -> str:
    import ssl  # 15 ms, which only a profile with TLS pays

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return "does not belong to the certificate"
        return f"cannot be used with the certificate: {(error.reason or 'no PEM').lower()}"
    except OSError:
        return ""
    return ""


def _what_is_wrong_with_authorities(path: Path | None) -> str:
    text = None if path is None else _read(path)
    if text is None or _CERTIFICATE.search(text):
        return ""
    return "holds no certificate in PEM form"


def _validity(der: bytes) -> tuple[datetime, datetime]:
    """From when to when a certificate holds (RFC 5280, 4.1). Raises ValueError."""
    (_, certificate), *_ = _members(der)
    (_, to_be_signed), *_ = _members(certificate)
    fields = [item for item in _members(to_be_signed) if item[0] != _VERSION]
    begin, end = _members(fields[3][1])  # after serial number, algorithm and issuer
    return _time(*begin), _time(*end)


def _members(der: bytes) -> Iterator[tuple[int, bytes]]:
    """The tag and the content of each element."""
    at = 0
    while at < len(der):
        tag, length = der[at], der[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(der[at : at + count])
            at += count
        if at + length > len(der):
            raise ValueError("cut short")
        yield tag, der[at : at + length]
        at += length


def _time(tag: int, raw: bytes) -> datetime:
    """UTCTime has two digits of the year: 50 and above are of the last century (RFC 5280)."""
    text = raw.decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
