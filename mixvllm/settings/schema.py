"""What a profile holds: one model a section, each option declared once.

A field's annotation carries what else is known of it: :class:`Engine` (it becomes an option
of ``vllm serve``), :class:`Cli` (it has an option of its own on our command line). The order
of fields is the order in which options are rendered. Field descriptions are the help text,
the JSON Schema and docs/settings.md.

pydantic is slow to import, so what the other modules need of this one, they have from
:mod:`mixvllm.settings.declared`, which `python -m mixvllm.testing.declare_settings` writes.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from mixvllm.core.units import parse_duration, parse_size

PROFILE_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Engine:
    """The field is an option of ``vllm serve``; ``option`` is its long flag without dashes."""

    option: str = ""  # "" means: the field's name in kebab case


@dataclass(frozen=True, slots=True)
class Cli:
    """The field has an option of its own on our command line."""

    flags: tuple[str, ...]


def _seconds(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _bytes(value: object) -> object:
    return parse_size(value) if isinstance(value, str) else value


Seconds: TypeAlias = Annotated[float, BeforeValidator(_seconds), Field(ge=0)]
Bytes: TypeAlias = Annotated[int, BeforeValidator(_bytes), Field(ge=0)]
Port: TypeAlias = Annotated[int, Field(ge=1, le=65535)]
# A number, or vLLM's own words for one ("auto", "32k"); the option table has the last word.
Count: TypeAlias = int | str


class Section(BaseModel):
    """A section of a profile: closed, frozen, and silent about the values it refuses."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,  # a quoted number stays a string, and is refused where a number is wanted
        hide_input_in_errors=True,
        defer_build=True,  # built once, as part of ProfileSettings: saves 25 ms of CPU a start
    )


class Model(Section):
    """Which model is served, and under which name."""

    name: Annotated[str, Cli(("--model",))] = Field(
        min_length=1, description="Hugging Face repository, or a folder (`./`, `../`, `/`, `~`)"
    )
    served_name: Annotated[str | list[str] | None, Engine("served-model-name")] = Field(
        None, description="the name, or names, that clients ask for"
    )
    revision: Annotated[str | None, Engine()] = Field(
        None, description="branch, tag or commit of the model"
    )
    code_revision: Annotated[str | None, Engine()] = Field(
        None, description="branch, tag or commit of the model's own code"
    )
    tokenizer: Annotated[str | None, Engine()] = Field(
        None, description="repository or folder of the tokenizer, if it is another one"
    )
    tokenizer_revision: Annotated[str | None, Engine()] = Field(
        None, description="branch, tag or commit of the tokenizer"
    )
    tokenizer_mode: Annotated[str | None, Engine()] = Field(
        None, description="which tokenizer implementation is used"
    )
    trust_remote_code: Annotated[bool | None, Engine()] = Field(
        None, description="run Python code that comes with the model"
    )
    chat_template: Annotated[str | None, Engine()] = Field(
        None, description="a Jinja file, or the template itself"
    )
    generation_config: Annotated[str | None, Engine()] = Field(
        None, description="where sampling defaults come from: auto, vllm, or a folder"
    )


class Inference(Section):
    """The everyday options of the engine; every other one goes under `vllm.args`."""

    tensor_parallel_size: Annotated[
        int | None, Engine(), Cli(("--tensor-parallel-size", "--tp"))
    ] = Field(None, description="GPUs that share each layer")
    pipeline_parallel_size: Annotated[int | None, Engine()] = Field(
        None, description="groups of GPUs that hold consecutive layers"
    )
    data_parallel_size: Annotated[int | None, Engine()] = Field(
        None, description="copies of the model behind one address"
    )
    enable_expert_parallel: Annotated[bool | None, Engine()] = Field(
        None, description="spread the experts of a mixture over the GPUs"
    )
    gpu_memory_utilization: Annotated[
        float | None, Engine(), Cli(("--gpu-memory-utilization",))
    ] = Field(None, description="share of each GPU's memory that vLLM may use, 0 to 1")
    max_model_len: Annotated[Count | None, Engine(), Cli(("--max-model-len",))] = Field(
        None, description="longest request in tokens, prompt and answer together"
    )
    max_num_seqs: Annotated[Count | None, Engine()] = Field(
        None, description="requests in one batch at the most"
    )
    max_num_batched_tokens: Annotated[Count | None, Engine()] = Field(
        None, description="tokens in one batch at the most"
    )
    dtype: Annotated[str | None, Engine(), Cli(("--dtype",))] = Field(
        None, description="type of weights and activations"
    )
    quantization: Annotated[str | None, Engine(), Cli(("--quantization",))] = Field(
        None, description="how the weights are quantised; the checkpoint must fit"
    )
    load_format: Annotated[str | None, Engine()] = Field(
        None, description="format of the weight files"
    )
    kv_cache_dtype: Annotated[str | None, Engine()] = Field(
        None, description="type of the KV cache; fp8 halves it"
    )
    block_size: Annotated[int | None, Engine()] = Field(
        None, description="tokens in one block of the KV cache"
    )
    enable_prefix_caching: Annotated[bool | None, Engine()] = Field(
        None, description="reuse the KV cache of equal beginnings"
    )
    enable_chunked_prefill: Annotated[bool | None, Engine()] = Field(
        None, description="split long prompts over several steps"
    )
    cpu_offload_gb: Annotated[float | None, Engine()] = Field(
        None, description="GiB of weights kept in main memory, on each GPU"
    )
    enforce_eager: Annotated[bool | None, Engine()] = Field(
        None, description="no compilation, no CUDA graphs: starts sooner, runs slower"
    )
    seed: Annotated[int | None, Engine()] = Field(None, description="seed of the random numbers")


class Server(Section):
    """The address and the keys of the OpenAI-compatible API."""

    host: Annotated[str, Engine(), Cli(("--host",))] = Field(
        "127.0.0.1", min_length=1, description="address to listen on; 0.0.0.0 is every interface"
    )
    port: Annotated[Port, Engine(), Cli(("--port", "-p"))] = Field(
        8000, description="port of the API"
    )
    workers: Annotated[int | None, Engine("api-server-count")] = Field(
        None, ge=1, description="API server processes (vLLM's --api-server-count)"
    )
    api_key: SecretStr | None = Field(
        None, description="key that clients must send; goes to vLLM as VLLM_API_KEY, never in argv"
    )
    api_key_file: str | None = Field(None, description="a file that holds the key")
    root_path: Annotated[str | None, Engine()] = Field(
        None, description="path prefix when a proxy stands in front"
    )
    ssl_certfile: Annotated[str | None, Engine()] = Field(
        None, description="TLS certificate, with its chain"
    )
    ssl_keyfile: Annotated[str | None, Engine()] = Field(None, description="TLS private key")
    ssl_ca_certs: Annotated[str | None, Engine()] = Field(
        None, description="certificates that clients are checked against"
    )


class GenerationDefaults(Section):
    """Sampling defaults of requests that do not say; vLLM's --override-generation-config."""

    temperature: float | None = Field(None, ge=0, description="0 always takes the likeliest token")
    max_tokens: int | None = Field(
        None, ge=1, description="longest answer in tokens; vLLM cuts requests that ask for more"
    )
    top_p: float | None = Field(None, gt=0, le=1, description="nucleus sampling")
    top_k: int | None = Field(None, ge=-1, description="likeliest tokens considered; -1 or 0: all")
    min_p: float | None = Field(None, ge=0, le=1, description="floor relative to the likeliest")
    repetition_penalty: float | None = Field(None, gt=0, description="above 1 avoids repetition")


class Vllm(Section):
    """Which vLLM, how it is started, and whatever else it takes."""

    version: str | None = Field(
        None, description="release to check against; default: the installed"
    )
    command: list[str] | str | None = Field(
        None, description="how vLLM is started; default: the vLLM of this environment"
    )
    args: dict[str, Any] = Field(
        default_factory=dict, description="any option of `vllm serve`, kebab or snake case"
    )
    env: dict[str, Any] = Field(default_factory=dict, description="environment variables of vLLM")


class Gpus(Section):
    """Which cards the engine may use."""

    select: Literal["auto"] | list[int | str] = Field(
        "auto", description="auto, or indices and UUIDs"
    )
    min_free_memory: Bytes | None = Field(
        None, description="free memory that each card must have before the start"
    )
    share: bool = Field(False, description="whether other runs that share may use the same cards")


class Restart(Section):
    """What happens when the engine ends and nobody asked for it."""

    policy: Literal["on-failure", "never"] = Field("on-failure", description="whether to try again")
    max_restarts: int = Field(5, ge=0, description="tries in a row before giving up")
    window: Seconds = Field(600.0, description="time being ready after which the count starts anew")
    backoff: Seconds = Field(1.0, description="pause before the first try; doubles, 5 min at most")


class Supervisor(Section):
    """How the engine is watched and stopped."""

    startup_timeout: Seconds | None = Field(
        None, description="longest start; default: as long as it takes"
    )
    stop_grace: Seconds = Field(
        30.0, description="time that running requests get to finish at a stop"
    )
    stall_timeout: Seconds = Field(
        120.0, description="time without progress after which a busy engine counts as frozen"
    )
    restart: Restart = Field({}, validate_default=True, description="restart policy")


class Ops(Section):
    """The toolkit's own HTTP endpoint."""

    enabled: bool = Field(True, description="whether it is served")
    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    port: Port = Field(8001, description="port to listen on")
    token_file: str | None = Field(
        None, description="a file that holds the bearer token which clients must send"
    )


class Logging(Section):
    """Where the run's files go."""

    directory: str | None = Field(
        None, description="folder of the runs; default: $XDG_STATE_HOME/mixvllm"
    )
    max_bytes: Bytes = Field(50 * 2**20, description="size at which vllm.log is turned over")
    keep: int = Field(5, ge=0, le=1000, description="turned-over files that are kept")


class Terminal(Section):
    """The browser terminal."""

    enabled: bool = Field(False, description="whether it is served")
    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    port: Port = Field(8888, description="port to listen on")
    auto_start_chat: bool = Field(True, description="start the chat client on connection")
    auth: Literal["token", "password", "none"] = Field("token", description="how users log in")
    tls: bool = Field(False, description="serve HTTPS")


class Node(Section):
    """One machine of several."""

    host: str = Field(min_length=1, description="its address")


class Profile(Section):
    """A whole profile."""

    version: int = Field(
        PROFILE_VERSION, ge=1, le=PROFILE_VERSION, description="version of the profile format"
    )
    model: Model = Field(description="which model is served; a string is short for `name`")
    inference: Inference = Field({}, validate_default=True, description="everyday engine options")
    server: Server = Field({}, validate_default=True, description="address and keys of the API")
    generation_defaults: GenerationDefaults = Field(
        {}, validate_default=True, description="sampling defaults"
    )
    vllm: Vllm = Field(
        {}, validate_default=True, description="vLLM itself: options, variables, command"
    )
    gpus: Gpus = Field({}, validate_default=True, description="which cards are used")
    supervisor: Supervisor = Field({}, validate_default=True, description="watching and stopping")
    ops: Ops = Field({}, validate_default=True, description="the toolkit's own endpoint")
    logging: Logging = Field({}, validate_default=True, description="the run's files")
    terminal: Terminal = Field({}, validate_default=True, description="the browser terminal")
    replicas: int = Field(1, ge=1, description="engines behind one address")
    nodes: list[Node] = Field(default_factory=list, description="machines, if more than one")
