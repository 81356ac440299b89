"""The command line of ``vllm serve``, read as far as the fake engine needs it.

It accepts every option, because which options a release knows is the business of
`mixvllm.vllm`; what it does not play it still shows in ``non-default args:``. As vLLM
0.32.0 does, it takes ``--flag value``, ``--flag=value``, ``--flag_name`` and dotted
options (``--hf-overrides.rope_theta 1e6``).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mixvllm.testing.fake_faults import Planned, plan
from mixvllm.testing.fake_output import UsageFault

Value = str | int | float | bool | None | list[str] | dict[str, object]

_SHORT = {
    "-tp": "tensor_parallel_size",
    "-pp": "pipeline_parallel_size",
    "-dp": "data_parallel_size",
    "-q": "quantization",
    "-n": "nnodes",
    "-r": "node_rank",
    "-O": "optimization_level",
    "-cc": "compilation_config",
    "-sc": "speculative_config",
    "-ep": "enable_expert_parallel",
}
_LISTS = {"served_model_name", "api_key", "lora_modules", "middleware", "allowed_local_media_path"}
_SWITCHES = re.compile(
    r"(enable|disable|no|enforce|use|return|trust|allow_credentials|async|headless|grpc|skip|"
    r"calculate|language_model_only|numa_bind|fail_on|aggregate)(_|$)"
)
_TEXT = {"served_model_name", "api_key", "model", "revision", "tokenizer"}
_SECRET = {"api_key", "hf_token"}
_SUFFIX = {"k": 10**3, "m": 10**6, "g": 10**9, "K": 2**10, "M": 2**20, "G": 2**30}


@dataclass(frozen=True, slots=True)
class Shape:
    """What the log says about a model: read from its ``config.json`` when there is one.

    The defaults are those of SmolLM2-135M-Instruct, the model of the recordings.
    """

    architecture: str = "LlamaForCausalLM"
    positions: int = 8192
    kv_bytes_per_token: int = 2 * 30 * 3 * 64 * 2  # key and value x layers x heads x dim x bf16
    shards: int = 1


@dataclass(frozen=True, slots=True)
class Settings:
    """One command line, parsed. Durations given by the operator are never scaled by ``speed``."""

    model: str
    options: Mapping[str, Value] = field(default_factory=dict)
    shape: Shape = Shape()
    host: str | None = None
    port: int = 8000
    uds: str | None = None
    served_names: tuple[str, ...] = ()
    api_keys: tuple[str, ...] = ()
    max_model_len: int = 8192
    max_num_seqs: int = 256
    tensor_parallel: int = 1
    shutdown_timeout: float = 0.0  # seconds
    kv_cache_bytes: int = 1 << 30
    sampling: Mapping[str, object] = field(default_factory=dict)
    speed: float = 100.0  # 1 is real time
    stop_speed: float = 100.0  # the same, for what happens after ready
    tokens_per_second: float = 1400.0  # of one sequence
    step_timeout: float = 3.0  # seconds until a silent worker counts as dead
    keep_alive_on_death: bool = False
    logger_to_stderr: bool = False
    title_prefix: str = ""
    version: str = "0.32.0"
    faults: tuple[Planned, ...] = ()

    @property
    def address(self) -> str:
        """Where it says that it listens."""
        if self.uds:
            return f"unix:{self.uds}"
        scheme = "https" if self.options.get("ssl_keyfile") else "http"
        host = self.host or "0.0.0.0"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def kv_tokens(self) -> int:
        """Tokens of KV cache, in whole blocks of 128."""
        return self.kv_cache_bytes // self.shape.kv_bytes_per_token // 128 * 128

    def shown(self) -> dict[str, Value]:
        """The options as ``non-default args:`` shows them, secrets starred."""
        args: dict[str, Value] = {"model_tag": self.model, "model": self.model}
        args.update(self.options)
        return {name: "***" if name in _SECRET else value for name, value in args.items()}

    def fault(self, name: str) -> Planned | None:
        """The planned fault of that name."""
        return next((planned for planned in self.faults if planned.fault.name == name), None)


def parse(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Read what follows ``serve``. Raises UsageFault (vLLM's own words) or ValueError (ours)."""
    options, loose = _options(argv)
    ours = {name: options.pop(name) for name in list(options) if name.startswith("fake_")}

    def knob(name: str, default: str) -> str:
        return str(ours.get(f"fake_{name.lower()}", environ.get(f"FAKE_VLLM_{name}", default)))

    model = str(options.pop("model", "") or (loose[0] if loose else "Qwen/Qwen3-0.6B"))
    shape = read_shape(Path(model))
    speed = _positive("fake-speed", knob("SPEED", "100"))
    keys = _texts(options.get("api_key")) or _texts(environ.get("VLLM_API_KEY") or None)
    override = options.get("override_generation_config")
    space = float(environ.get("VLLM_CPU_KVCACHE_SPACE", "") or 1)
    return Settings(
        model=model,
        options=options,
        shape=shape,
        host=_text(options, "host"),
        port=_whole(options, "port", 8000),
        uds=_text(options, "uds"),
        served_names=_texts(options.get("served_model_name")) or (model,),
        api_keys=keys,
        max_model_len=_length(options.get("max_model_len"), shape.positions),
        max_num_seqs=_whole(options, "max_num_seqs", 256),
        tensor_parallel=_whole(options, "tensor_parallel_size", 1),
        shutdown_timeout=float(_whole(options, "shutdown_timeout", 0)),
        kv_cache_bytes=_length(options.get("kv_cache_memory_bytes"), int(space * 2**30)),
        sampling=override if isinstance(override, dict) else {},
        speed=speed,
        stop_speed=_positive("fake-stop-speed", knob("STOP_SPEED", str(speed))),
        tokens_per_second=_positive(
            "fake-tokens-per-second", knob("TOKENS_PER_SECOND", str(14 * speed))
        ),
        step_timeout=float(environ.get("VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS") or 300 / speed),
        keep_alive_on_death=environ.get("VLLM_KEEP_ALIVE_ON_ENGINE_DEATH", "0") == "1",
        logger_to_stderr=environ.get("VLLM_LOGGING_STREAM", "").endswith("stderr"),
        title_prefix=environ.get("VLLM_PROCESS_NAME_PREFIX", "VLLM"),
        version=knob("VERSION", "0.32.0"),
        faults=plan(knob("FAULT", "")),
    )


def read_shape(model: Path) -> Shape:
    """The shape of a local model folder; of SmolLM2 when there is no readable config.json."""
    try:
        config = json.loads((model / "config.json").read_text())
        heads = int(config["num_attention_heads"])
        return Shape(
            architecture=str(config["architectures"][0]),
            positions=int(config["max_position_embeddings"]),
            kv_bytes_per_token=4
            * int(config["num_hidden_layers"])
            * int(config.get("num_key_value_heads", heads))
            * int(config.get("head_dim") or int(config["hidden_size"]) // heads),
            shards=len(list(model.glob("*.safetensors"))) or 1,
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return Shape()


def _options(argv: Sequence[str]) -> tuple[dict[str, Value], list[str]]:
    """Options by their Python names, and what belongs to none."""
    found: dict[str, Value] = {}
    loose: list[str] = []
    words = list(argv)
    while words:
        word = words.pop(0)
        if not word.startswith("-") or word == "-":
            loose.append(word)
            continue
        name, equals, text = word.partition("=")
        name = _SHORT.get(name, name.lstrip("-").replace("-", "_"))
        if equals:
            found_value: Value = [text] if name in _LISTS else _value(name, text)
        elif name in _LISTS:
            found_value = []
            while words and not words[0].startswith("-"):
                found_value.append(words.pop(0))
        elif _SWITCHES.match(name) or not words or _is_option(words[0]):
            found_value = not name.startswith("no_")
            name = name.removeprefix("no_")
        else:
            found_value = _value(name, words.pop(0))
        head, *path = name.split(".")
        if path:
            inner = found.setdefault(head, {})
            for key in path[:-1]:
                inner = inner.setdefault(key, {}) if isinstance(inner, dict) else {}  # type: ignore[assignment]
            if isinstance(inner, dict):
                inner[path[-1]] = found_value
        else:
            found[name] = found_value
    return found, loose


def _is_option(word: str) -> bool:
    return word.startswith("-") and not re.fullmatch(r"-[\d.]+", word)


def _value(name: str, text: str) -> Value:
    if name in _TEXT:
        return text
    try:
        return json.loads(text)  # type: ignore[no-any-return]
    except ValueError:
        if text.startswith(("{", "[")):
            raise UsageFault(
                f"argument --{name.replace('_', '-')}: Value {text} cannot be converted to "
                "<function loads at 0x7f97fe0a9800>."
            ) from None
        return text


def _text(options: Mapping[str, Value], name: str) -> str | None:
    value = options.get(name)
    return None if value is None else str(value)


def _texts(value: Value) -> tuple[str, ...]:
    """An option that may be given several values."""
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _whole(options: Mapping[str, Value], name: str, default: int) -> int:
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageFault(f"argument --{name.replace('_', '-')}: invalid int value: {str(value)!r}")
    return value


def _length(value: Value, default: int) -> int:
    """A count such as ``4096``, ``4k`` (4000) or ``4K`` (4096); -1 and auto give the default."""
    if value is None or value in {-1, "auto"}:
        return default
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmgKMG]?)", str(value))
    if match is None:
        raise UsageFault(f"argument --max-model-len: invalid value: {str(value)!r}")
    return int(float(match[1]) * _SUFFIX.get(match[2], 1))


def _positive(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if number <= 0:
        raise ValueError(f"--{name} is {text!r}; write a number above 0 (1 is real time)")
    return number
