"""The layer that a profile makes, and what its files hold."""

from dataclasses import dataclass, field
from pathlib import Path

from mixvllm.core.origin import FileSpan
from mixvllm.settings.layers import Layer
from mixvllm.settings.yaml import ParsedText


@dataclass(slots=True)
class ProfileLayer(Layer):
    """The layer of a profile; ``texts`` holds every file's text, for showing lines of it."""

    path: Path = field(default_factory=Path)
    texts: dict[Path, str] = field(default_factory=dict)
    hidden: list[FileSpan] = field(default_factory=list)  # places of secrets
    words: set[str] = field(default_factory=set)  # the secrets themselves, never shown
    unseen: list[tuple[FileSpan, str]] = field(default_factory=list)  # filled in; see Interpolated
    read: dict[Path, tuple[bytes, ParsedText]] = field(default_factory=dict, repr=False)
    loads: int = 0
    size: int = 0  # bytes of all files, each as often as it was laid over another
    is_too_much: bool = False  # and has its finding
    readable: bool = True  # False: no tree, so nothing can be said about missing keys
