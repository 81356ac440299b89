"""The published JSON Schema describes every document that is written, and nothing else."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from mixvllm.services.inventory import HOSTS
from mixvllm.services.schema.gpus import gpus_schema

if TYPE_CHECKING:
    from tests.gpu.nvml.double import Double

pytest_plugins = ["tests.gpu.nvml.double"]

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted(path.stem for path in (Path(__file__).parent / "nvml/scenarios").glob("*.txt"))
VALIDATOR = jsonschema.Draft202012Validator(gpus_schema())


def test_what_is_published_is_what_is_meant() -> None:
    VALIDATOR.check_schema(gpus_schema())
    assert json.loads((ROOT / "docs/gpus.schema.json").read_text()) == gpus_schema()


@pytest.mark.parametrize("name", [n for n in SCENARIOS if n not in ("hang-attach", "crash")])
def test_every_document_is_of_the_schema(own_nvml: "Double", name: str) -> None:
    own_nvml.play(name)
    document = own_nvml.inventory(links=True, silence=0.5, read=0.8, open=1.0).as_json()
    VALIDATOR.validate(json.loads(json.dumps(document)))


@pytest.mark.parametrize("file", sorted(HOSTS.glob("*.json")), ids=lambda file: file.stem)
def test_what_ships_is_of_the_schema(file: Path) -> None:
    VALIDATOR.validate(json.loads(file.read_text()))


def test_it_is_closed() -> None:
    document = json.loads((HOSTS / "1xT4.json").read_text())
    document["gpus"][0]["colour"] = "green"
    with pytest.raises(jsonschema.ValidationError, match="colour"):
        VALIDATOR.validate(document)
    del document["gpus"][0]["colour"], document["gpus"][0]["uuid"]
    with pytest.raises(jsonschema.ValidationError, match="'uuid' is a required property"):
        VALIDATOR.validate(document)
