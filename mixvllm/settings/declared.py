"""Every leaf of a profile; `python -m mixvllm.testing.declare_settings` writes it."""

from typing import Any, Literal

from mixvllm.settings.fields import SettingField

FIELDS: tuple[SettingField, ...] = (
    SettingField(
        ("version",), int, "version of the profile format", default=1, at_least=1, at_most=1
    ),
    SettingField(
        ("model", "name"),
        str,
        "Hugging Face repository, or a folder (`./`, `../`, `/`, `~`)",
        required=True,
        shortest=1,
        cli_flags=("--model",),
    ),
    SettingField(
        ("model", "served_name"),
        str | list[str] | None,
        "the name, or names, that clients ask for",
        engine_option="served-model-name",
    ),
    SettingField(
        ("model", "revision"),
        str | None,
        "branch, tag or commit of the model",
        engine_option="revision",
    ),
    SettingField(
        ("model", "code_revision"),
        str | None,
        "branch, tag or commit of the model's own code",
        engine_option="code-revision",
    ),
    SettingField(
        ("model", "tokenizer"),
        str | None,
        "repository or folder of the tokenizer, if it is another one",
        engine_option="tokenizer",
    ),
    SettingField(
        ("model", "tokenizer_revision"),
        str | None,
        "branch, tag or commit of the tokenizer",
        engine_option="tokenizer-revision",
    ),
    SettingField(
        ("model", "tokenizer_mode"),
        str | None,
        "which tokenizer implementation is used",
        engine_option="tokenizer-mode",
    ),
    SettingField(
        ("model", "trust_remote_code"),
        bool | None,
        "run Python code that comes with the model",
        engine_option="trust-remote-code",
    ),
    SettingField(
        ("model", "chat_template"),
        str | None,
        "a Jinja file, or the template itself",
        engine_option="chat-template",
    ),
    SettingField(
        ("model", "generation_config"),
        str | None,
        "where sampling defaults come from: auto, vllm, or a folder",
        engine_option="generation-config",
    ),
    SettingField(
        ("inference", "tensor_parallel_size"),
        int | None,
        "GPUs that share each layer",
        engine_option="tensor-parallel-size",
        cli_flags=("--tensor-parallel-size", "--tp"),
    ),
    SettingField(
        ("inference", "pipeline_parallel_size"),
        int | None,
        "groups of GPUs that hold consecutive layers",
        engine_option="pipeline-parallel-size",
    ),
    SettingField(
        ("inference", "data_parallel_size"),
        int | None,
        "copies of the model behind one address",
        engine_option="data-parallel-size",
    ),
    SettingField(
        ("inference", "enable_expert_parallel"),
        bool | None,
        "spread the experts of a mixture over the GPUs",
        engine_option="enable-expert-parallel",
    ),
    SettingField(
        ("inference", "gpu_memory_utilization"),
        float | None,
        "share of each GPU's memory that vLLM may use, 0 to 1",
        engine_option="gpu-memory-utilization",
        cli_flags=("--gpu-memory-utilization",),
    ),
    SettingField(
        ("inference", "max_model_len"),
        int | str | None,
        "longest request in tokens, prompt and answer together",
        engine_option="max-model-len",
        cli_flags=("--max-model-len",),
    ),
    SettingField(
        ("inference", "max_num_seqs"),
        int | str | None,
        "requests in one batch at the most",
        engine_option="max-num-seqs",
    ),
    SettingField(
        ("inference", "max_num_batched_tokens"),
        int | str | None,
        "tokens in one batch at the most",
        engine_option="max-num-batched-tokens",
    ),
    SettingField(
        ("inference", "dtype"),
        str | None,
        "type of weights and activations",
        engine_option="dtype",
        cli_flags=("--dtype",),
    ),
    SettingField(
        ("inference", "quantization"),
        str | None,
        "how the weights are quantised; the checkpoint must fit",
        engine_option="quantization",
        cli_flags=("--quantization",),
    ),
    SettingField(
        ("inference", "load_format"),
        str | None,
        "format of the weight files",
        engine_option="load-format",
    ),
    SettingField(
        ("inference", "kv_cache_dtype"),
        str | None,
        "type of the KV cache; fp8 halves it",
        engine_option="kv-cache-dtype",
    ),
    SettingField(
        ("inference", "block_size"),
        int | None,
        "tokens in one block of the KV cache",
        engine_option="block-size",
    ),
    SettingField(
        ("inference", "enable_prefix_caching"),
        bool | None,
        "reuse the KV cache of equal beginnings",
        engine_option="enable-prefix-caching",
    ),
    SettingField(
        ("inference", "enable_chunked_prefill"),
        bool | None,
        "split long prompts over several steps",
        engine_option="enable-chunked-prefill",
    ),
    SettingField(
        ("inference", "cpu_offload_gb"),
        float | None,
        "GiB of weights kept in main memory, on each GPU",
        engine_option="cpu-offload-gb",
    ),
    SettingField(
        ("inference", "enforce_eager"),
        bool | None,
        "no compilation, no CUDA graphs: starts sooner, runs slower",
        engine_option="enforce-eager",
    ),
    SettingField(
        ("inference", "seed"), int | None, "seed of the random numbers", engine_option="seed"
    ),
    SettingField(
        ("server", "host"),
        str,
        "address to listen on; 0.0.0.0 is every interface",
        default="127.0.0.1",
        shortest=1,
        engine_option="host",
        cli_flags=("--host",),
    ),
    SettingField(
        ("server", "port"),
        int,
        "port of the API",
        default=8000,
        at_least=1,
        at_most=65535,
        engine_option="port",
        cli_flags=("--port", "-p"),
    ),
    SettingField(
        ("server", "workers"),
        int | None,
        "API server processes (vLLM's --api-server-count)",
        at_least=1,
        engine_option="api-server-count",
    ),
    SettingField(
        ("server", "api_key"),
        str | None,
        "key that clients must send; goes to vLLM as VLLM_API_KEY, never in argv",
        secret=True,
    ),
    SettingField(("server", "api_key_file"), str | None, "a file that holds the key"),
    SettingField(
        ("server", "root_path"),
        str | None,
        "path prefix when a proxy stands in front",
        engine_option="root-path",
    ),
    SettingField(
        ("server", "ssl_certfile"),
        str | None,
        "TLS certificate, with its chain",
        engine_option="ssl-certfile",
    ),
    SettingField(
        ("server", "ssl_keyfile"), str | None, "TLS private key", engine_option="ssl-keyfile"
    ),
    SettingField(
        ("server", "ssl_ca_certs"),
        str | None,
        "certificates that clients are checked against",
        engine_option="ssl-ca-certs",
    ),
    SettingField(
        ("generation_defaults", "temperature"),
        float | None,
        "0 always takes the likeliest token",
        at_least=0,
    ),
    SettingField(
        ("generation_defaults", "max_tokens"),
        int | None,
        "longest answer in tokens; vLLM cuts requests that ask for more",
        at_least=1,
    ),
    SettingField(
        ("generation_defaults", "top_p"), float | None, "nucleus sampling", above=0, at_most=1
    ),
    SettingField(
        ("generation_defaults", "top_k"),
        int | None,
        "likeliest tokens considered; -1 or 0: all",
        at_least=-1,
    ),
    SettingField(
        ("generation_defaults", "min_p"),
        float | None,
        "floor relative to the likeliest",
        at_least=0,
        at_most=1,
    ),
    SettingField(
        ("generation_defaults", "repetition_penalty"),
        float | None,
        "above 1 avoids repetition",
        above=0,
    ),
    SettingField(
        ("vllm", "version"), str | None, "release to check against; default: the installed"
    ),
    SettingField(
        ("vllm", "command"),
        list[str] | str | None,
        "how vLLM is started; default: the vLLM of this environment",
    ),
    SettingField(
        ("vllm", "args"),
        dict[str, Any],
        "any option of `vllm serve`, kebab or snake case",
        default=(),
    ),
    SettingField(("vllm", "env"), dict[str, Any], "environment variables of vLLM", default=()),
    SettingField(
        ("gpus", "select"),
        Literal["auto"] | list[int | str],
        "auto, or indices and UUIDs",
        default="auto",
    ),
    SettingField(
        ("gpus", "min_free_memory"),
        int | None,
        "free memory that each card must have before the start",
        amount="size",
        at_least=0,
    ),
    SettingField(
        ("gpus", "share"),
        bool,
        "whether other runs that share may use the same cards",
        default=False,
    ),
    SettingField(
        ("supervisor", "startup_timeout"),
        float | None,
        "longest start; default: as long as it takes",
        amount="duration",
        at_least=0,
    ),
    SettingField(
        ("supervisor", "stop_grace"),
        float,
        "time that running requests get to finish at a stop",
        default=30.0,
        amount="duration",
        at_least=0,
    ),
    SettingField(
        ("supervisor", "stall_timeout"),
        float,
        "time without progress after which a busy engine counts as frozen",
        default=120.0,
        amount="duration",
        at_least=0,
    ),
    SettingField(
        ("supervisor", "restart", "policy"),
        Literal["on-failure", "never"],
        "whether to try again",
        default="on-failure",
    ),
    SettingField(
        ("supervisor", "restart", "max_restarts"),
        int,
        "tries in a row before giving up",
        default=5,
        at_least=0,
    ),
    SettingField(
        ("supervisor", "restart", "window"),
        float,
        "time being ready after which the count starts anew",
        default=600.0,
        amount="duration",
        at_least=0,
    ),
    SettingField(
        ("supervisor", "restart", "backoff"),
        float,
        "pause before the first try; doubles, 5 min at most",
        default=1.0,
        amount="duration",
        at_least=0,
    ),
    SettingField(("ops", "enabled"), bool, "whether it is served", default=True),
    SettingField(("ops", "host"), str, "address to listen on", default="127.0.0.1", shortest=1),
    SettingField(
        ("ops", "port"), int, "port to listen on", default=8001, at_least=1, at_most=65535
    ),
    SettingField(
        ("ops", "token_file"),
        str | None,
        "a file that holds the bearer token which clients must send",
    ),
    SettingField(
        ("logging", "directory"), str | None, "folder of the runs; default: $XDG_STATE_HOME/mixvllm"
    ),
    SettingField(
        ("logging", "max_bytes"),
        int,
        "size at which vllm.log is turned over",
        default=52428800,
        amount="size",
        at_least=0,
    ),
    SettingField(
        ("logging", "keep"),
        int,
        "turned-over files that are kept",
        default=5,
        at_least=0,
        at_most=1000,
    ),
    SettingField(("terminal", "enabled"), bool, "whether it is served", default=False),
    SettingField(
        ("terminal", "host"), str, "address to listen on", default="127.0.0.1", shortest=1
    ),
    SettingField(
        ("terminal", "port"), int, "port to listen on", default=8888, at_least=1, at_most=65535
    ),
    SettingField(
        ("terminal", "auto_start_chat"), bool, "start the chat client on connection", default=True
    ),
    SettingField(
        ("terminal", "auth"),
        Literal["token", "password", "none"],
        "how users log in",
        default="token",
    ),
    SettingField(("terminal", "tls"), bool, "serve HTTPS", default=False),
    SettingField(("replicas",), int, "engines behind one address", default=1, at_least=1),
    SettingField(("nodes",), list[dict[str, Any]], "machines, if more than one", default=()),
)
