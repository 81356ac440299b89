"""An inventory saved to a file and read again, whatever the file holds."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.core.errors import MachineFault
from mixvllm.gpu.inventory import Gpu, GpuInventory
from mixvllm.services.inventory import read_inventory, save_inventory

SAVED = GpuInventory(datetime(2026, 11, 22, tzinfo=UTC), None, (Gpu(0),), ())


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    path = tmp_path / "box.json"
    path.write_text("something older")
    save_inventory(SAVED, path)
    assert read_inventory(path).gpus[0].index == 0
    assert read_inventory(path).taken_at == SAVED.taken_at
    assert os.listdir(tmp_path) == ["box.json"]  # noqa: PTH208 - and no draft beside it


def test_a_place_where_nothing_can_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "box.json"
    folder.mkdir()
    for path in (tmp_path / "none" / "box.json", folder):
        with pytest.raises(MachineFault, match="cannot be written"):
            save_inventory(SAVED, path)
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "is not JSON: line 1, column 1"),
        (b'{"format_version": 1, "gpus": [', "is not JSON"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"format_version": NaN}', "NaN is no number in JSON"),
        (b"[]", "box.json cannot be used: not an object: []"),
        (b'{"format_version": 2, "gpus": []}', "used: format_version: 2 is not known here"),
        (b'{"format_version": 1}', "gpus: missing"),
        (b'{"format_version": 1, "gpus": [{"index": 1e999}]}', "not a whole number"),
        (b'{"format_version": 1, "gpus": [{"index": ' + b"9" * 5000 + b"}]}", "is not JSON"),
        (b'{"format_version": 1, "gpus": [{"index": ' + b"9" * 4000 + b"}]}", "64 bits"),
        (b'{"format_version": 1, "gpus": [{"index": 0, "power_watts": ' + b"9" * 400 + b"}]}",
         "not a finite number"),
        (b'{"format_version": 1, "gpus": "' + b"x" * 1000 + b'"}', "gpus: not a list: 'xxx"),
        (b" " * (4 * 2**20 + 1), "far more than such a file has"),
    ],
)  # fmt: skip
def test_a_file_that_is_none(tmp_path: Path, raw: bytes, words: str) -> None:
    path = tmp_path / "box.json"
    path.write_bytes(raw)
    with pytest.raises(MachineFault) as refused:
        read_inventory(path)
    assert str(refused.value).startswith(f"the inventory {path} ")
    assert words in str(refused.value)
    assert len(str(refused.value)) < 300
    assert "--save" in refused.value.hint


def test_what_is_no_file(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path, words in (
        (tmp_path / "none", "is not there"),
        (tmp_path, "is a folder"),
        (fifo, "is not a regular file"),
    ):
        with pytest.raises(MachineFault, match=words):
            read_inventory(path)


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(
    st.dictionaries(
        st.sampled_from(["gpus", "driver", "problems", "taken_at"]),
        _ANY | st.lists(st.dictionaries(st.sampled_from(["index", "memory", "uuid"]), _ANY)),
    )
)
def test_any_document_ends_in_an_inventory_or_in_words(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, object]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps({"format_version": 1, **document}))
    try:
        read_inventory(path)
    except MachineFault:
        return
