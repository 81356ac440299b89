"""Which models a release can serve, and how that is read in vLLM's sources."""

import gzip
import json
from pathlib import Path

import pytest

from mixvllm.vllm.model_sources import facts_of
from mixvllm.vllm.models import FILE, served_models
from mixvllm.vllm.name_sources import names_of
from mixvllm.vllm.options import known_releases
from mixvllm.vllm.pack_models import fold, pack, unfold
from mixvllm.vllm.sources import NotUnderstood, tree

_FILES = {
    "_version.py": "__version__ = version = '9.8.7'\n",
    "model_executor/models/registry.py": (
        '_TEXT = {"AForCausalLM": ("a", "A"), "BModel": ("vllm.models.b", "B"),'
        ' **{"AForCausalLM": 1}}\n'
        '_SPECULATIVE_DECODING_MODELS = {"Draft": ("none", "None_")}\n'
        "_VLLM_MODELS = {**_TEXT, **_SPECULATIVE_DECODING_MODELS}\n"
    ),
    "model_executor/models/a.py": (
        "class Base(Module, SupportsPP):\n    def forward(self): ...\n"
        "class A(Base):\n    def compute_logits(self): ...\n"
    ),
    "model_executor/models/interfaces.py": (
        "class SupportsPP:\n    supports_pp = True\n    def compute_logits(self): ...\n"
    ),
    "models/b/__init__.py": "from .nvidia.model import B\n",
    "models/b/nvidia/model.py": (
        "Made = as_embedding_model(Inner)\n"
        "class Inner(Module):\n    def forward(self): ...\n"
        "class B(Made):\n    is_pooling_model: ClassVar = True\n"
    ),
    "transformers_utils/config.py": (
        '_CONFIG_REGISTRY: dict = LazyConfigDict(a="AConfig", **{"b-c": "BConfig"})\n'
    ),
    "config/model.py": '_FLOAT16_NOT_SUPPORTED_MODELS = {"a": "no"}\n',
    "tool_parsers/__init__.py": '_TOOL_PARSERS_TO_REGISTER = {"t": ("file", "Class")}\n',
    "reasoning/__init__.py": '_REASONING_PARSERS_TO_REGISTER = {"r": ("file", "Class")}\n',
    "model_executor/layers/quantization/__init__.py": (
        'QuantizationMethods = Literal["q", "q-2"]\n'
    ),
    "model_executor/model_loader/__init__.py": (
        '_LOAD_FORMAT_TO_MODEL_LOADER: dict = {"l": Loader}\n'
    ),
    "v1/attention/backends/registry.py": (
        'class AttentionBackendEnum(Enum):\n    A = "path"\n    B = None\n    def f(self): ...\n'
    ),
    "config/attention.py": 'def check(value):\n    return value.lower() == "auto"\n',
    "tokenizers/registry.py": '_VLLM_TOKENIZERS = {"k": 1}\nslow = mode == "slow"\n',
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The sources of a made-up vLLM."""
    for name, text in _FILES.items():
        path = tmp_path / "vllm" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "vllm"


def test_what_a_class_can_do_is_read_without_importing_it(package: Path) -> None:
    assert facts_of(package) == {
        "architectures": {"AForCausalLM": "gs", "BModel": "p", "Draft": "gps"},
        "types": {"a": "", "b-c": ""},
        "no_float16": {"a": ""},
    }


def test_the_names_of_a_release_are_read(package: Path) -> None:
    assert {option: " ".join(names) for option, names in names_of(package).items()} == {
        "tool-call-parser": "t",
        "reasoning-parser": "r",
        "quantization": "q q-2",
        "load-format": "l",
        "attention-backend": "A B auto",
        "tokenizer-mode": "k slow",
    }
    (package / "reasoning" / "__init__.py").write_text("")
    tree.cache_clear()
    with pytest.raises(NotUnderstood, match="_REASONING_PARSERS_TO_REGISTER"):
        names_of(package)


def test_sources_of_another_form_are_told(package: Path) -> None:
    (package / "config" / "model.py").write_text("")
    with pytest.raises(NotUnderstood, match="_FLOAT16_NOT_SUPPORTED_MODELS"):
        facts_of(package)


def test_a_new_release_joins_those_that_are_known(package: Path, tmp_path: Path) -> None:
    out = tmp_path / "models.json.gz"
    out.write_bytes(FILE.read_bytes())
    before = json.loads(gzip.decompress(FILE.read_bytes()))
    table = pack([package], out, None)
    assert table["releases"] == [*before["releases"], "9.8.7"]
    assert table["transformers"] == before["transformers"]
    again = pack([package], out, None)
    assert again == table
    facts = unfold(table)
    assert fold(facts, before["transformers"]) == table
    assert facts["0.32.0"] == unfold(before)["0.32.0"]


def test_every_known_release_has_its_models() -> None:
    for release in known_releases():
        models = served_models(release)
        assert models is not None
        assert models.abilities("LlamaForCausalLM") == "gs"
        assert models.release.split(".")[:2] == release.split(".")[:2]
    assert served_models("9.9.9") is None


def test_the_file_is_small() -> None:
    assert FILE.stat().st_size < 20_000


@pytest.mark.parametrize(
    ("architecture", "letters"),
    [("LlamaForCausalLM", "gs"), ("BertModel", "p"), ("WhisperForConditionalGeneration", "gt"),
     ("MambaForCausalLM", "gs"), ("LlamaForCasualLM", None)],
)  # fmt: skip
def test_abilities_of_0_32(architecture: str, letters: str | None) -> None:
    models = served_models("0.32.0")
    assert models is not None
    assert models.abilities(architecture) == letters
