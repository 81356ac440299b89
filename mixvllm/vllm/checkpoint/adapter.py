"""A LoRA adapter's folder: what its adapter_config.json says."""

from dataclasses import dataclass
from pathlib import Path

from mixvllm.vllm.checkpoint.config import whole
from mixvllm.vllm.checkpoint.json_file import Json, JsonFile, read_json

# vLLM puts these to use; every other module that an adapter replaces is refused (0.32.0,
# `lora/peft_helper.py`).
_MODULES_TAKEN = {"classifier", "score"}


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter in a folder of this machine."""

    folder: Path
    file: JsonFile  # adapter_config.json

    @property
    def rank(self) -> int | None:
        """The rank of its matrices."""
        return whole(self.file.values.get("r"))

    @property
    def unsupported(self) -> str:
        """What vLLM does not do, in words; "" when there is nothing of the kind."""
        if self.file.values.get("use_dora") is True:
            return "is a DoRA adapter, which vLLM does not support"
        modules = _names(self.file.values.get("modules_to_save"))
        if others := [name for name in modules if name not in _MODULES_TAKEN]:
            return f"replaces whole modules ({others[0][:80]}), which vLLM does not support"
        return ""


def read_adapter(folder: Path) -> Adapter:
    """Look at an adapter's folder. Never raises."""
    return Adapter(folder, read_json(folder / "adapter_config.json"))


def _names(value: Json) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
