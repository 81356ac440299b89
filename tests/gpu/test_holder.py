"""Who holds a card's memory, as a terminal may see it."""

from pathlib import Path

import pytest

from mixvllm.gpu.holder import holder_of


@pytest.mark.parametrize(
    ("raw", "name", "command"),
    [
        (b"VLLM::EngineCore\0\0\0", "VLLM::EngineCore", "VLLM::EngineCore"),
        (b"/usr/bin/python3\0-m\0vllm\0", "python3", "/usr/bin/python3 -m vllm"),
        (b"a\x1b[2J\xff\0b\nc\0", "a?[2J\ufffd", "a?[2J\ufffd b?c"),
        (
            b"vllm\0serve\0m\0--api-key\0k1\0k2\0--port\x008000\0",
            "vllm",
            "vllm serve m --api-key *** *** --port 8000",
        ),
        (
            b"vllm\0--hf_token=abc\0--tokenizer\0t\0--ssl-keyfile\0/k.pem\0",
            "vllm",
            "vllm --hf_token=*** --tokenizer t --ssl-keyfile /k.pem",
        ),
    ],
)
def test_names_and_command_lines(tmp_path: Path, raw: bytes, name: str, command: str) -> None:
    (tmp_path / "77").mkdir()
    (tmp_path / "77" / "cmdline").write_bytes(raw)
    holder = holder_of(77, str(tmp_path))
    assert holder is not None
    assert (holder.name, holder.command) == (name, command)
    assert holder.user == tmp_path.owner()


def test_a_process_of_the_kernel_has_a_name_and_no_words(tmp_path: Path) -> None:
    (tmp_path / "77").mkdir()
    (tmp_path / "77" / "cmdline").write_bytes(b"")
    (tmp_path / "77" / "comm").write_text("nvidia-modeset/\n")
    holder = holder_of(77, str(tmp_path))
    assert holder is not None
    assert holder.name == holder.command == "nvidia-modeset/"


def test_nobody(tmp_path: Path) -> None:
    assert holder_of(77, str(tmp_path)) is None
