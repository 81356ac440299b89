"""Made-up checkpoints have as many parameters as their models' cards say."""

from math import prod
from pathlib import Path

import pytest

from mixvllm.testing.checkpoint_shapes import tensors_of
from mixvllm.testing.public_configs import PUBLIC
from mixvllm.testing.sparse_checkpoint import main
from mixvllm.vllm.checkpoint.tensors import BITS

# Billions of parameters, as published.
PARAMETERS = {
    "meta-llama/Meta-Llama-3-8B": 8.030,
    "meta-llama/Llama-3.3-70B-Instruct": 70.554,
    "mistralai/Mixtral-8x7B-Instruct-v0.1": 46.703,
    "Qwen/Qwen2-7B-Instruct": 7.616,
    "Qwen/Qwen2.5-1.5B-Instruct": 1.544,
    "Qwen/Qwen2.5-0.5B-Instruct": 0.494,
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B": 14.770,
    "Qwen/Qwen2.5-VL-72B-Instruct": 73.411,
    "Qwen/Qwen3-0.6B": 0.596,
    "Qwen/Qwen3-8B": 8.191,
    "Qwen/Qwen3-14B": 14.768,
    "Qwen/Qwen3-30B-A3B": 30.532,
    "google/gemma-3-27b-it": 27.432,
    "LGAI-EXAONE/EXAONE-4.0-32B": 32.003,
    "Qwen/Qwen3-Next-80B-A3B-Instruct": 81.325,
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_parameters_are_as_many_as_published(name: str) -> None:
    count = sum(prod(tensor.shape) for tensor in tensors_of(PUBLIC[name]))
    assert count / 1e9 == pytest.approx(PARAMETERS[name], abs=0.0006)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_tensor_has_a_name_of_its_own_and_the_size_of_its_shape(name: str) -> None:
    tensors = tensors_of(PUBLIC[name])
    assert len({tensor.name for tensor in tensors}) == len(tensors)
    for tensor in tensors:
        assert tensor.size * 8 == prod(tensor.shape) * BITS[tensor.dtype]


def test_a_family_that_is_not_known_is_named() -> None:
    with pytest.raises(ValueError, match=r"no shapes are known of 'bert'; known: llama, mistral"):
        tensors_of({"model_type": "bert"})


def test_a_folder_is_written_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["Qwen/Qwen3-8B-FP8", str(tmp_path / "qwen")])
    said = capsys.readouterr().out
    assert said == f"{tmp_path}/qwen: headers of 8.8 GiB of weights in 2 files\n"
    with pytest.raises(SystemExit):
        main(["no/model", str(tmp_path)])
    assert "invalid choice: 'no/model'" in capsys.readouterr().err
