"""MX225: the names that vLLM looks up in its own lists, release by release."""

import pytest

from mixvllm.core.diagnostic import Diagnostic
from mixvllm.vllm.models import Named, known_names
from mixvllm.vllm.options import known_releases
from tests.rules.checking import args, checked

EVERYWHERE: dict[Named, str] = {
    "quantization": "fp8",
    "load-format": "safetensors",
    "tool-call-parser": "hermes",
    "reasoning-parser": "deepseek_r1",
}
AUTO = "enable-auto-tool-choice: true"


def unknown(text: str, release: str = "0.32.0") -> list[Diagnostic]:
    return [d for d in checked(text, release=release).diagnostics if d.code == "MX225"]


@pytest.mark.parametrize(
    ("line", "release", "severity", "said"),
    [  # of 0.32.0 each but tool-call-parser was tried with vLLM itself: all are refused there
        ("tool-call-parser: llama3", "0.32.0", "error", "`llama3_json`"),
        ("tool-call-parser: minimax", "0.24.0", "error", "removed in 0.24.0"),
        ("tool-call-parser: mine", "0.32.0", "warning", "plugin"),
        ("reasoning-parser: deepseek-r1", "0.32.0", "error", "`deepseek_r1`"),
        ("reasoning-parser: DeepSeek_R1", "0.32.0", "error", "`deepseek_r1`"),
        ("quantization: awq-marlin", "0.32.0", "error", "`awq_marlin`"),
        ("quantization: int4", "0.32.0", "warning", "plugin"),
        ("quantization: none", "0.32.0", "warning", "plugin"),
        ("quantization: bitsandbytes", "0.28.0", "error", "removed in 0.28.0"),
        ("quantization: fp8_per_tensor", "0.16.0", "error", "0.20.2 has it"),
        ("load-format: safetensor", "0.32.0", "error", "`safetensors`"),
        ("load-format: gguf", "0.32.0", "warning", "removed in 0.24.0"),
        ("attention-backend: FLASHINFR", "0.32.0", "error", "`FLASHINFER`"),
        ("attention-backend: flash-attn", "0.32.0", "error", "`FLASH_ATTN`"),
        ("attention-backend: auto", "0.17.1", "error", "0.18.1 has it"),
        ("tokenizer-mode: slow", "0.32.0", "error", "removed in 0.31.0"),
        ("tokenizer-mode: custom", "0.32.0", "warning", "plugin"),
    ],
)
def test_a_name_that_is_not_in_the_list(line: str, release: str, severity: str, said: str) -> None:
    (found,) = unknown(args(AUTO, line) if line.startswith("tool") else args(line), release)
    assert found.severity.value == severity
    assert said in " ".join((found.message, found.label, found.hint))


@pytest.mark.parametrize(
    "lines",
    [
        (AUTO, "tool-call-parser: hermes"),
        ("tool-call-parser: llama3",),  # never looked up
        (AUTO, "tool-call-parser: mine", "tool-parser-plugin: /plugin.py"),
        ("reasoning-parser: mine", "reasoning-parser-plugin: /plugin.py"),
        ("quantization: FP8",),
        ("load-format: SAFETENSORS",),
        ("attention-backend: cpu_attn",),
        ("attention-backend: auto",),
        ("attention-backend: CUSTOM",),
        ("tokenizer-mode: HF",),
        ("tokenizer-mode: mine", "skip-tokenizer-init: true"),
    ],
)
def test_a_name_that_vllm_takes(lines: tuple[str, ...]) -> None:
    assert unknown(args(*lines)) == []


def test_where_plugins_are_named_nothing_is_certain_or_mended_unasked() -> None:
    text = args("load-format: safetensor")
    (alone,) = unknown(text)
    (beside,) = unknown(text + "  env: {VLLM_PLUGINS: mine}\n")
    fixes = [d.fix.applicability.value for d in (alone, beside) if d.fix is not None]
    assert fixes == ["safe", "unsafe"]
    assert (alone.severity.value, beside.severity.value) == ("error", "warning")


def test_of_every_release_the_lists_are_known() -> None:
    for release in known_releases():
        for option, name in EVERYWHERE.items():
            assert name in (known_names(option, release) or ()), (release, option)
    assert known_names("tokenizer-mode", "0.12.0") is None
    assert known_names("quantization", "9.9.9") is None
