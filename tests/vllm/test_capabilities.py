"""What each release can do on which card: the table, and how it is made."""

import gzip
import json
from pathlib import Path

import pytest

from mixvllm.vllm.capabilities import FILE, capabilities, cards
from mixvllm.vllm.capability_sources import CARDS, capabilities_of
from mixvllm.vllm.options import known_releases
from mixvllm.vllm.pack_capabilities import fold, pack, unfold
from mixvllm.vllm.sources import NotUnderstood, tree

_QUANTIZATION = "model_executor/layers/quantization"
_FILES = {
    "_version.py": "__version__ = version = '9.8.7'\n",
    f"{_QUANTIZATION}/__init__.py": (
        "from typing import Literal, get_args\n"
        'Methods = Literal["a", "b"]\n'
        "QUANTIZATION_METHODS: list[str] = list(get_args(Methods))\n"
        'DEPRECATED_QUANTIZATION_METHODS = ["b"]\n'
        "def get_quantization_config(quantization):\n"
        "    if quantization not in QUANTIZATION_METHODS:\n        raise ValueError\n"
        "    from .a import A, B\n"
        '    return {"a": A, "b": B}[quantization]\n'
    ),
    f"{_QUANTIZATION}/a.py": (
        "import torch\nfrom vllm.platforms import current_platform\n"
        "class A:\n"
        "    @classmethod\n    def get_min_capability(cls):\n        return 75\n"
        "    def get_supported_act_dtypes(self):\n"
        "        if current_platform.has_device_capability(100):\n            return [torch.half]\n"
        "        return [torch.half, torch.bfloat16]\n"
        "class B(A):\n"
        "    @classmethod\n    def get_min_capability(cls):\n        return unknown()\n"
    ),
    f"{_QUANTIZATION}/compressed_tensors/schemes/compressed_tensors_w4a8_fp8.py": (
        "class W4A8:\n    @classmethod\n    def get_min_capability(cls):\n        return 90\n"
    ),
    "config/cache.py": 'from typing import Literal\nCacheDType = Literal["auto", "fp8"]\n',
    "platforms/__init__.py": "",
    "platforms/cuda.py": (
        "import torch\nfrom vllm.v1.attention.backends.registry import AttentionBackendEnum\n"
        "class CudaPlatformBase:\n"
        "    @classmethod\n    def check_if_supports_dtype(cls, dtype):\n"
        "        if dtype == torch.bfloat16:\n"
        "            if not cls.has_device_capability(80):\n                raise ValueError\n"
        "def _get_backend_priorities(use_mla, device_capability):\n"
        "    if use_mla:\n        return []\n"
        "    return [AttentionBackendEnum.ONE]\n"
    ),
    "v1/attention/backends/registry.py": (
        "class AttentionBackendEnum(Enum):\n"
        '    ONE = "vllm.v1.attention.backends.one.One"\n'
        '    ROCM_ONE = "vllm.v1.attention.backends.rocm.One"\n'
        '    MADE = "vllm.v1.attention.backends.one.Made"\n'
    ),
    "v1/attention/backends/one.py": (
        "import torch\nfrom vllm.platforms import current_platform\n"
        "class Layers:\n    def __init__(self, heads, kv_cache_dtype):\n"
        "        self.kind = kv_cache_dtype\n"
        "        able = current_platform.has_device_capability(89)\n"
        "        if self.kind.startswith('fp8') and not able:\n            raise ValueError\n"
        "class One:\n"
        "    supported_kv_cache_dtypes = ['auto', 'fp8']\n"
        "    @staticmethod\n    def get_impl_cls():\n        return Layers\n"
        "    @classmethod\n    def supports_compute_capability(cls, capability):\n"
        "        return capability >= DeviceCapability(8, 0)\n"
        "    @classmethod\n    def supports_kv_cache_dtype(cls, kv):\n"
        "        return kv in cls.supported_kv_cache_dtypes\n"
        "    @classmethod\n    def supports_combination(cls, kv_cache_dtype, head_size):\n"
        "        if kv_cache_dtype == 'fp8' and current_platform.is_device_capability(120):\n"
        "            return 'not there'\n"
        "        if kv_cache_dtype == 'fp8' and head_size > 128:\n            return 'too wide'\n"
        "        return None\n"
        "    @classmethod\n    def supports_head_size(cls, head_size):\n"
        "        return head_size % 8 == 0\n"
        "    @classmethod\n    def supports_block_size(cls, block_size):\n"
        "        return block_size % 16 == 0\n"
        "    @classmethod\n    def supports_dtype(cls, dtype):\n"
        "        return dtype in [torch.float16, torch.bfloat16]\n"
        "    @classmethod\n    def is_mla(cls):\n        return False\n"
        "    @classmethod\n    def is_sparse(cls):\n        return False\n"
        "Made = compose(One)\n"
    ),
}  # fmt: skip


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The sources of a made-up vLLM."""
    for name, text in _FILES.items():
        path = tmp_path / "vllm" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    tree.cache_clear()
    return tmp_path / "vllm"


def signs(takes: dict[tuple[int, int], str], otherwise: str) -> str:
    """A sign for each card."""
    return "".join(takes.get((card.major, card.minor), otherwise) for card in CARDS)


def from_(least: tuple[int, int]) -> str:
    return "".join("+" if card >= least else "-" for card in CARDS)


def test_what_a_release_can_do_is_read_without_running_it(package: Path) -> None:
    facts = capabilities_of(package)
    before_blackwell = "".join("-" if card >= (10, 0) else "+" for card in CARDS)
    dtypes = {"float16": "+", "bfloat16": before_blackwell, "float32": "-"}
    assert facts["methods"] == {
        "a": {"least": 75, "dtypes": dtypes, "deprecated": False},
        "b": {"least": None, "dtypes": dtypes, "deprecated": True},
    }
    assert facts["schemes"] == {"W4A8": {"least": 90}}
    assert facts["dtypes"] == {"float16": "+", "bfloat16": from_((8, 0)), "float32": "+"}
    assert facts["priorities"]["other 8.0"] == ["ONE"]
    assert facts["backends"].keys() == {"ONE", "MADE"}
    assert facts["backends"]["MADE"] is None
    one = facts["backends"]["ONE"]
    assert isinstance(one, dict)
    assert one["cards"] == from_((8, 0))
    assert one["kv"] == {"auto": "+", "fp8": signs({(12, 0): "-"}, "?")}
    assert one["layers"] == {"fp8": from_((8, 9)).replace("+", "?")}
    assert one["dtypes"] == {"float32": "-"}
    heads, blocks = one["heads"], one["blocks"]
    assert isinstance(heads, dict)
    assert isinstance(blocks, dict)
    assert heads["20"] == blocks["24"] == "-"
    assert "128" not in heads
    assert one["is_mla"] == "-"


def test_sources_of_another_form_are_told(package: Path) -> None:
    (package / "config" / "cache.py").write_text("")
    with pytest.raises(NotUnderstood, match="CacheDType"):
        capabilities_of(package)
    (package / "v1" / "attention" / "backends" / "registry.py").write_text("")
    tree.cache_clear()
    with pytest.raises(NotUnderstood, match="AttentionBackendEnum"):
        capabilities_of(package)


def test_a_new_release_joins_those_that_are_known(package: Path, tmp_path: Path) -> None:
    out = tmp_path / "capabilities.json.gz"
    out.write_bytes(FILE.read_bytes())
    before = json.loads(gzip.decompress(FILE.read_bytes()))
    table = pack([package], out)
    assert table["releases"] == [*before["releases"], "9.8.7"]
    assert pack([package], out) == table
    facts = unfold(json.loads(gzip.decompress(out.read_bytes())))
    assert facts["0.32.0"] == unfold(before)["0.32.0"]
    assert facts["9.8.7"]["backends"]["MADE"] is None
    assert json.loads(json.dumps(fold(facts))) == json.loads(json.dumps(table))


def test_every_known_release_has_its_abilities() -> None:
    for release in known_releases():
        able = capabilities(release)
        assert able is not None
        assert able.release.split(".")[:2] == release.split(".")[:2]
        assert able.computes_in("bfloat16", (7, 5)) is False
        assert able.computes_in("bfloat16", (8, 0)) is True
        unknown = {name for name in able.methods if (m := able.method(name)) and m.least is None}
        assert unknown <= {"inc", "tpu_int8"}
        for card in cards():
            tried = able.tried(card, mla=False)
            assert tried is not None
            assert {"FLASH_ATTN", "TRITON_ATTN"} <= {backend.name for backend in tried}
    assert capabilities("9.9.9") is None


def test_the_file_is_small() -> None:
    assert FILE.stat().st_size < 10_000


# As vLLM's sources say it (`get_min_capability`).
@pytest.mark.parametrize(
    ("method", "release", "least"),
    [
        ("fp8", "0.12.0", 80), ("fp8", "0.16.0", 75), ("fp8", "0.32.0", 75),
        ("awq_marlin", "0.12.0", 80), ("gptq", "0.32.0", 60), ("modelopt", "0.24.0", 89),
        ("modelopt", "0.32.0", 80), ("fp_quant", "0.32.0", 100), ("mxfp4", "0.32.0", 80),
        ("compressed-tensors", "0.20.2", 70), ("fp8_per_block", "0.32.0", 75),
        ("bitsandbytes", "0.23.0", 70),
    ],
)  # fmt: skip
def test_the_least_capability_of_a_method(method: str, release: str, least: int) -> None:
    able = capabilities(release)
    found = able.method(method) if able else None
    assert found is not None
    assert found.least == least


def test_what_is_not_in_the_table_is_not_known() -> None:
    able = capabilities("0.32.0")
    assert able is not None
    assert able.method("bitsandbytes") is None
    assert able.backend("NO_SUCH", (8, 0)) is None
    assert able.backend("FLASH_ATTN", (13, 7)) is None
    assert able.tried((13, 7), mla=False) is None
    assert able.computes_in("bfloat16", (13, 7)) is None
    assert able.least_of_scheme("CompressedTensorsW4A8Fp8") == 90
    flash = able.backend("FLASH_ATTN", (8, 0))
    assert flash is not None
    assert flash.takes_kv("no such type") is None
    assert flash.takes_heads(127) is None
    assert flash.takes_heads(100) is False
    assert flash.takes_blocks(24) is False
    assert flash.takes_dtype("float32") is False
