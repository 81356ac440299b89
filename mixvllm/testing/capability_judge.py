"""Run by the Python that has vLLM: what the real vLLM takes on a card that is not there.

    PYTHON -P mixvllm/testing/capability_judge.py 7.5 8.0 ...

The first line out is ``{"vllm": release, "methods": [...], "backends": [...], "kv": [...]}``. Then
come lines in, each a list of questions for all cards, and for each card a line out: a list of
answers in the same order, ``""`` for taken, else why not, beginning with ``?`` where this build
cannot say. A question is one of

- ``["method", METHOD, DTYPE]``: the data type on the card, and
  `VllmConfig._get_quantization_config` for a checkpoint that is not quantised; where the method
  needs one that is, its class stands for what would be read of it.
- ``["backend", BACKEND or null, KV, DTYPE, HEAD, BLOCK or null, MLA]``: `get_attn_backend_cls` of
  the CUDA platform, and the constructor of the layers of the backend that it chooses.

vLLM's own code runs, on its CUDA platform that is told of a card, in a process of its own for each
card. A build for CPUs has no kernels: empty modules stand for those that are only imported, and
modules full of nothing for FlashInfer, which comes with every build for CUDA.

This file is run by path: standard library only, until it imports vLLM.
"""

import ast
import importlib
import importlib.abc
import importlib.machinery
import inspect
import json
import os
import re
import sys
import types
from pathlib import Path
from typing import Any

_KERNELS = (
    "vllm._C_stable_libtorch", "vllm._moe_C_stable_libtorch",
    "vllm.vllm_flash_attn._vllm_fa2_C", "vllm.vllm_flash_attn._vllm_fa3_C",
)  # fmt: skip
_MISSING = re.compile(
    r"not available, likely|not compiled|^Install the |is not installed|No module named"
)
_FLASHINFER = "flashinfer"
_HEADS = 16
# What CUDA kernels would say of themselves, by the least capability.
_SELF_TOLD = {
    "cutlass_scaled_mm_supports_fp8": 89, "cutlass_scaled_mm_supports_block_fp8": 90,
    "cutlass_scaled_mm_supports_fp4": 100, "cutlass_group_gemm_supported": 90,
    "cutlass_sparse_scaled_mm_supported": 90,
}  # fmt: skip


class Nothing(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a package that is not there; whatever is asked of it is a class of nothing."""

    def find_spec(
        self, fullname: str, path: object, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Every module of that package."""
        if fullname.partition(".")[0] != _FLASHINFER:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def exec_module(self, module: types.ModuleType) -> None:
        """Give it any name that it is asked for."""
        vars(module)["__getattr__"] = _nothing


class _Empty(type):
    """A class that has whatever it is asked for."""

    def __getattr__(cls, name: str) -> object:
        return _nothing(name)


def _nothing(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(name)
    return _Empty(name, (), {})


def told_platform(major: int, minor: int) -> object:
    """vLLM's CUDA platform, with the answers of a card that is not there."""
    for name in _KERNELS:
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        sys.modules[name] = module
    sys.meta_path.append(Nothing())
    kernels: Any = importlib.import_module("torch").ops._C
    for name, least in _SELF_TOLD.items():
        setattr(kernels, name, lambda capability, least=least: capability >= least)
    cuda: Any = importlib.import_module("vllm.platforms.cuda")
    interface: Any = importlib.import_module("vllm.platforms.interface")
    answers = {
        "get_device_capability": interface.DeviceCapability(major, minor),
        "get_device_name": "a card",
        "get_device_total_memory": 80 * 2**30,
        "get_cuda_runtime_major": 13,
        "device_count": 1,
        "num_compute_units": 132,
        "is_integrated_gpu": False,
        "is_pin_memory_available": True,
    }
    methods: dict[str, Any] = {name: _answering(value) for name, value in answers.items()}
    return type("ToldPlatform", (cuda.NonNvmlCudaPlatform,), methods)()


def _read_or_made(read: Any, given: tuple[object, ...], held: Any) -> Any:
    """What vLLM reads of a checkpoint that is not quantised, or else an empty one of the class."""
    try:
        found = read(*given)
    except (ValueError, TypeError, OSError):
        found = object.__new__(held)
    found.maybe_update_config = lambda *_, **__: None
    return found


def _lacks(error: BaseException) -> bool:
    """Whether it is this build that refuses: every reason speaks of something that is missing."""
    text = str(error)
    if isinstance(error.__cause__, (ImportError, OSError, AttributeError)):
        return True
    if "No valid attention backend" in text:
        # One that is refused for what is missing alone would be chosen elsewhere.
        each = re.findall(r"[A-Z_\d]{4,}: \[(.*?)\](?=, [A-Z_\d]{4,}: \[|\})", text)
        return any(all(map(_MISSING.search, reasons.split(", "))) for reasons in each)
    listed = re.search(r"Reason: (\[.*\])", text)
    if listed is None:
        return _MISSING.search(text) is not None
    try:
        reasons = ast.literal_eval(listed[1])
    except SyntaxError:
        reasons = [listed[1]]
    return all(_MISSING.search(reason) for reason in reasons)


def _answering(value: object) -> Any:
    return classmethod(lambda *_, **__: value)


class Judge:
    """vLLM, imported for one card."""

    def __init__(self) -> None:
        self.torch: Any = importlib.import_module("torch")
        self.config: Any = importlib.import_module("vllm.config")
        self.methods: Any = importlib.import_module("vllm.model_executor.layers.quantization")
        self.loading: Any = importlib.import_module("vllm.model_executor.model_loader.weight_utils")
        self._get_quant_config = self.loading.get_quant_config
        self.selector: Any = importlib.import_module("vllm.v1.attention.selector")
        registry: Any = importlib.import_module("vllm.v1.attention.backends.registry")
        self.backends = registry.AttentionBackendEnum
        self.platform: Any = importlib.import_module("vllm.platforms").current_platform
        # What a build for CUDA has: memory on the card, Triton, FlashAttention 4, and the binaries
        # of TensorRT's attention.
        torch: Any = self.torch
        empty = torch.empty
        torch.empty = lambda *size, device=None, **more: empty(*size, **more)
        importlib.import_module("vllm.triton_utils").tl.float16 = None
        flash: Any = importlib.import_module("vllm.vllm_flash_attn.flash_attn_interface")
        flash.FA4_AVAILABLE = True
        inference: Any = importlib.import_module("vllm.utils.flashinfer")
        inference.has_nvidia_artifactory = lambda: True
        self._told = {mla: self._configuration(mla=mla) for mla in (False, True)}
        self._layers: dict[tuple[object, ...], str] = {}

    def _configuration(self, *, mla: bool) -> Any:
        """vLLM's configuration, with as much of a model as backends ask for: DeepSeek V3's."""
        told = self.config.VllmConfig()
        if mla:
            latent = types.SimpleNamespace(
                kv_lora_rank=512, qk_rope_head_dim=64, qk_nope_head_dim=128, v_head_dim=128
            )
            told.model_config = types.SimpleNamespace(
                hf_text_config=latent, is_diffusion=False, get_head_size=lambda: 576,
                get_num_attention_heads=lambda *_: _HEADS, get_num_kv_heads=lambda *_: 1,
            )  # fmt: skip
        return told

    def answer(self, question: list[Any]) -> str:
        """Nothing for taken, else why not."""
        kind, *asked = question
        try:
            (self.method if kind == "method" else self.backend)(*asked)
        except (ImportError, AttributeError, OSError) as error:
            return f"? {type(error).__name__}: {error}"[:3000]
        except Exception as error:  # noqa: BLE001 - any other refusal is an answer
            return f"{'? ' if _lacks(error) else ''}{type(error).__name__}: {error}"[:3000]
        return ""

    def method(self, name: str, dtype: str) -> None:
        """Raises what vLLM raises of a method and a data type on the card."""
        kind = getattr(self.torch, dtype)
        self.platform.check_if_supports_dtype(kind)
        held = self.methods.get_quantization_config(name)
        read = self._get_quant_config
        self.loading.get_quant_config = lambda *given: _read_or_made(read, given, held)
        arguments: Any = importlib.import_module("vllm.config.quantization")
        model = types.SimpleNamespace(
            quantization=name, dtype=kind, model=str(Path.cwd()), revision=None, hf_overrides={},
            hf_config=types.SimpleNamespace(), multimodal_config=None,
            quantization_config=arguments.resolve_quantization_config(name, None),
        )  # fmt: skip
        load = types.SimpleNamespace(download_dir=None)
        self.config.VllmConfig._get_quantization_config(model, load)

    def backend(
        self, name: str | None, kv: str, dtype: str, head: int, block: int | None, mla: bool
    ) -> None:
        """Raises what vLLM raises when a layer is made."""
        asked = self.selector.AttentionSelectorConfig(
            head_size=head, dtype=getattr(self.torch, dtype), kv_cache_dtype=kv, block_size=block,
            use_mla=mla,
        )  # fmt: skip
        self.platform.check_if_supports_dtype(asked.dtype)
        with self.config.set_current_vllm_config(self._told[mla]):
            chosen = self.platform.get_attn_backend_cls(
                None if name is None else self.backends[name], asked, _HEADS
            )
        key = (chosen, kv, dtype, head)
        if key not in self._layers:
            self._layers[key] = self._made(chosen, kv, head, asked.dtype)
        if self._layers[key]:
            raise ValueError(self._layers[key])

    def _made(self, chosen: str, kv: str, head: int, dtype: Any) -> str:
        """Why the constructor of the layers refuses the KV cache; "" where it does not, or where
        something else stops it.
        """
        module, _, name = chosen.rpartition(".")
        layers = getattr(importlib.import_module(module), name).get_impl_cls()
        known = {
            "num_heads": _HEADS, "head_size": head, "scale": 1.0, "num_kv_heads": _HEADS,
            "alibi_slopes": None, "sliding_window": None, "kv_cache_dtype": kv,
            "logits_soft_cap": None, "attn_type": "decoder", "kv_sharing_target_layer_name": None,
        }  # fmt: skip
        latent = {
            "q_lora_rank": None, "kv_lora_rank": 512, "qk_nope_head_dim": 128,
            "qk_rope_head_dim": 64, "qk_head_dim": 192, "v_head_dim": 128, "kv_b_proj": None,
        }  # fmt: skip
        taken = inspect.signature(layers.__init__).parameters
        if "mla_args" in taken:
            known |= latent
        self.torch.set_default_dtype(dtype)
        try:
            with self.config.set_current_vllm_config(self._told[False]):
                layers(**{k: v for k, v in known.items() if k in taken or k in latent})
        except (ValueError, NotImplementedError) as error:
            text = str(error)
            return f"layers: {text}" if "cache" in text.lower() or "fp8" in text.lower() else ""
        except Exception:  # noqa: BLE001 - of a build without kernels, or of what is not told here
            return ""
        finally:
            self.torch.set_default_dtype(self.torch.float32)
        return ""


def answers_for(card: str, lines: list[str]) -> str:
    """The answers on one card, from a child that ends with them."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        major, _, minor = card.partition(".")
        platforms = importlib.import_module("vllm.platforms")
        vars(platforms)["_current_platform"] = told_platform(int(major), int(minor))
        judge = Judge()
        with os.fdopen(writing, "w") as pipe:
            for line in lines:
                pipe.write(json.dumps([judge.answer(q) for q in json.loads(line)]) + "\n")
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text


def main() -> None:
    """Say what there is to ask, then answer."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # vLLM may write to stdout
    cards, sys.argv = sys.argv[1:], ["vllm"]
    importlib.import_module("torch")
    importlib.import_module("transformers")
    vllm = importlib.import_module("vllm.version").__version__
    answers.write(json.dumps({"vllm": vllm}) + "\n")
    asked = list(sys.stdin)
    for card in cards:
        answers.write(answers_for(card, asked))


if __name__ == "__main__":
    main()
