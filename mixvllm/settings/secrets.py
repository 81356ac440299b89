"""What counts as a secret: by the name of its key, or by its form."""

import difflib
import re
from functools import lru_cache
from typing import Final

from mixvllm.core.origin import KeyPath

# The last word of a name decides: DB_PASS and HF_TOKEN_2 hold secrets, PASS_CONFIG, TOKENIZER
# and MAX_TOKENS do not.
_NAME: Final = re.compile(
    r"""(?ix)
    (?: token | secrets? | passwords? | passwd | passphrase | credentials? | authorization
      | api_?k\w* | (?:access|private|secret)_?keys?
      | (?:^|_|(?-i:(?<=[a-z])(?=[A-Z]))) (?: pass | pwd | auth | auth_?header | key | bearer ) )
    (?:_id)? (?:_?\d+)? $
    """
)
_NO_SECRET: Final = re.compile(
    r"""(?ix)
    (?: ^key
      | (?:^|_)(?:public|primary|foreign|sort|partition|cache|routing|watermark)_?key
      | (?:^|_)(?:bos|eos|pad|unk|sep|cls|mask|image|video|audio|stop|per)_token
      | ^google_application_credentials
    ) (?:_id)? \d* $
    """
)
_FORM: Final = re.compile(
    r"\b(?:hf_[A-Za-z0-9]{8,}|sk-[A-Za-z0-9_-]{8,}|gh[pousr]_[A-Za-z0-9]{20,})"
)
_USER_AND_PASSWORD: Final = re.compile(r"(?i)\b[a-z][a-z0-9+.-]*://[^\s/@:]*:[^\s/@]+@")
_WHOLE: Final = re.compile(
    r"(?i)-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|^(?:bearer|basic)\s+[\w.~+/=-]{8,}$|\bAKIA[0-9A-Z]{16}\b"
)
_BEARER: Final = re.compile(r"(?i)(\bbearer\s+)([\w.~+/=-]{8,})")
_LONGEST_NAME: Final = 80  # characters before a colon that are looked at
_ALIKE: Final = 0.8
_WORDS: Final = ("token", "secret", "password", "passwd", "passphrase", "credential", "apikey",
                 "accesskey")  # fmt: skip
_ANYWHERE: Final = {"secret", "secrets", "password", "passwd", "credential", "credentials"}
_HARMLESS: Final = {"tokens", "tokenize", "tokenizer", *_WORDS}  # the last: see _NAME
_PLACES: Final = {"file", "path", "name", "dir", "folder"}  # where a secret is, not the secret
_REFERENCE: Final = re.compile(
    r"true|false|null|~|\$\{(?:env:[A-Za-z_]\w*(?::\?[^}]*)?|file:[^}]*)\}"
)
_REFERENCE_HERE: Final = re.compile(rf"[\"']?(?:{_REFERENCE.pattern})[\"']?\s*(?=$|[#,}}\]])")
_SIGN: Final = re.compile(r"[:=]")
_KEY: Final = re.compile(r"""\s*(?:["']\\?([^"'\\]+)["']|([\w.-]+(?: [\w.-]+)?))""")  # backwards
_USER: Final = re.compile(r"(://)([^\s/@]+)@")
_FLAG: Final = re.compile(r"""((?<![\w-])--([A-Za-z][\w-]{0,60})["',]*[ =]+)([^\s-]\S*)""")


def is_secret_name(name: str) -> bool:
    """Whether a variable or key of this name holds a secret: HF_TOKEN, VLLM_API_KEY ..."""
    name = name.replace("-", "_")
    return _NAME.search(name) is not None and _NO_SECRET.search(name) is None


def looks_like_secret(value: str) -> bool:
    """Whether a text is a secret by its form: a token of a known service, a private key, a URL
    with a password in it.
    """
    return any(form.search(value) for form in (_FORM, _USER_AND_PASSWORD, _WHOLE))


def hides(name: str) -> bool:
    """Whether what stands under this key is not to be shown.

    Wider than :func:`is_secret_name`: a misspelt ``apy_key`` holds the key all the same.
    """
    if name == "auth":  # terminal.auth: how users log in
        return False
    plain = re.sub(r"[\W_]+", "_", name[-_LONGEST_NAME:]).strip("_").lower()
    return bool(plain) and _hides(plain)


@lru_cache(maxsize=4096)
def _hides(plain: str) -> bool:
    parts = plain.split("_")
    if parts[-1] in _PLACES:
        return False
    if is_secret_name(plain) or not _ANYWHERE.isdisjoint(parts):
        return True
    ends = {parts[-1], "".join(parts[-2:])} - _HARMLESS
    return any(_alike(end, word) for end in ends for word in _WORDS)


def _alike(one: str, other: str) -> bool:
    """Whether most letters of the two are the same, in the same order."""
    both = len(one) + len(other)
    if abs(len(one) - len(other)) > 2 or 2 * sum(c in one for c in other) < _ALIKE * both:
        return False
    return difflib.SequenceMatcher(None, one, other).ratio() >= _ALIKE


def hides_path(path: KeyPath) -> bool:
    """The same for a key with those above it."""
    return any(isinstance(part, str) and hides(part) for part in path)


def is_reference(text: str) -> bool:
    """Whether a value only says where the secret is: ``${env:NAME}``, ``${file:PATH}``; or that
    there is none.
    """
    return _REFERENCE.fullmatch(text.strip().strip("\"'")) is not None


def redact(line: str) -> str:
    """A line of a profile or a log as it may be shown; secrets become stars of the same width.

    One pass for each form, whatever the line holds: the time grows with its length alone.
    """
    line = _FORM.sub(lambda found: "*" * len(found[0]), line)
    line = _USER.sub(lambda found: f"{found[1]}{'*' * len(found[2])}@", line)
    line = _BEARER.sub(lambda found: found[1] + "*" * len(found[2]), line)
    line = _FLAG.sub(_flag, line)
    at = secret_value(line)
    return line if at is None else line[:at] + "*" * len(line[at:])


def _flag(found: re.Match[str]) -> str:
    return found[1] + "*" * len(found[3]) if hides(found[2]) else found[0]


def secret_value(line: str) -> int | None:
    """Where the value of the first secret key of a line begins; its end, if it is not there.

    A value that is a reference is passed over.
    """
    for sign in _SIGN.finditer(line):
        before = line[max(0, sign.start() - _LONGEST_NAME) : sign.start()]
        name = _KEY.match(before[::-1])
        if name is None or not hides((name[1] or name[2])[::-1]):
            continue
        start = sign.end()
        while start < len(line) and line[start].isspace():
            start += 1
        known = _REFERENCE_HERE.match(line, start)
        if known is None:
            return start
    return None
