"""What can be typed, as plain data. Written by `python -m mixvllm.testing.list_words`.

A kind says what follows: nothing (""), `one WORD...` of these words, the value of a key (`key
NAME`) or of an option of vLLM (`option NAME`), or a `release`, `profile`, `file`, `subject` or
`setting`; `text` can be anything.
"""

OPTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "serve": {
        "--format": ("one text json", "json writes one event a line"),
        "--no-color": ("", "no colours in the panes"),
        "--model": (
            "key model.name",
            "Hugging Face repository, or a folder (`./`, `../`, `/`, `~`)",
        ),
        "--tensor-parallel-size": (
            "key inference.tensor_parallel_size",
            "GPUs that share each layer",
        ),
        "--tp": ("key inference.tensor_parallel_size", "GPUs that share each layer"),
        "--gpu-memory-utilization": (
            "key inference.gpu_memory_utilization",
            "share of each GPU's memory that vLLM may use, 0 to 1",
        ),
        "--max-model-len": (
            "key inference.max_model_len",
            "longest request in tokens, prompt and answer together",
        ),
        "--dtype": ("key inference.dtype", "type of weights and activations"),
        "--quantization": (
            "key inference.quantization",
            "how the weights are quantised; the checkpoint must fit",
        ),
        "--host": ("key server.host", "address to listen on; 0.0.0.0 is every interface"),
        "--port": ("key server.port", "port of the API"),
        "-p": ("key server.port", "port of the API"),
        "--set": ("setting", "set any key: SECTION.KEY=VALUE"),
    },
    "validate": {
        "--format": ("one text json sarif github", "how the findings are written"),
        "--vllm": ("release", "release to check against"),
        "--since": ("release", "release that you come from: tells what changed"),
        "--host": ("file", "check for the machine of this `gpus --save` file"),
        "--strict": ("", "warnings count as errors"),
        "--fix": ("", "make the fixes that are certain"),
        "--diff": ("", "print these fixes, write nothing"),
        "--stdin-filename": ("file", "name shown for standard input"),
        "--model": (
            "key model.name",
            "Hugging Face repository, or a folder (`./`, `../`, `/`, `~`)",
        ),
        "--tensor-parallel-size": (
            "key inference.tensor_parallel_size",
            "GPUs that share each layer",
        ),
        "--tp": ("key inference.tensor_parallel_size", "GPUs that share each layer"),
        "--gpu-memory-utilization": (
            "key inference.gpu_memory_utilization",
            "share of each GPU's memory that vLLM may use, 0 to 1",
        ),
        "--max-model-len": (
            "key inference.max_model_len",
            "longest request in tokens, prompt and answer together",
        ),
        "--dtype": ("key inference.dtype", "type of weights and activations"),
        "--quantization": (
            "key inference.quantization",
            "how the weights are quantised; the checkpoint must fit",
        ),
        "--port": ("key server.port", "port of the API"),
        "-p": ("key server.port", "port of the API"),
        "--set": ("setting", "set any key: SECTION.KEY=VALUE"),
    },
    "render-cmd": {
        "--target": ("one shell json", "shell or json"),
        "--format": ("one text json", "json is the same as --target json"),
        "--origins": ("", "say where each flag comes from"),
        "--vllm": ("release", "release to render for"),
        "--model": (
            "key model.name",
            "Hugging Face repository, or a folder (`./`, `../`, `/`, `~`)",
        ),
        "--tensor-parallel-size": (
            "key inference.tensor_parallel_size",
            "GPUs that share each layer",
        ),
        "--tp": ("key inference.tensor_parallel_size", "GPUs that share each layer"),
        "--gpu-memory-utilization": (
            "key inference.gpu_memory_utilization",
            "share of each GPU's memory that vLLM may use, 0 to 1",
        ),
        "--max-model-len": (
            "key inference.max_model_len",
            "longest request in tokens, prompt and answer together",
        ),
        "--dtype": ("key inference.dtype", "type of weights and activations"),
        "--quantization": (
            "key inference.quantization",
            "how the weights are quantised; the checkpoint must fit",
        ),
        "--host": ("key server.host", "address to listen on; 0.0.0.0 is every interface"),
        "--port": ("key server.port", "port of the API"),
        "-p": ("key server.port", "port of the API"),
        "--set": ("setting", "set any key: SECTION.KEY=VALUE"),
    },
    "explain": {
        "--profile": ("profile", "tell where its value comes from"),
        "--vllm": ("release", "release to look it up in"),
        "--format": ("one text json", "text or json"),
        "--model": (
            "key model.name",
            "Hugging Face repository, or a folder (`./`, `../`, `/`, `~`)",
        ),
        "--tensor-parallel-size": (
            "key inference.tensor_parallel_size",
            "GPUs that share each layer",
        ),
        "--tp": ("key inference.tensor_parallel_size", "GPUs that share each layer"),
        "--gpu-memory-utilization": (
            "key inference.gpu_memory_utilization",
            "share of each GPU's memory that vLLM may use, 0 to 1",
        ),
        "--max-model-len": (
            "key inference.max_model_len",
            "longest request in tokens, prompt and answer together",
        ),
        "--dtype": ("key inference.dtype", "type of weights and activations"),
        "--quantization": (
            "key inference.quantization",
            "how the weights are quantised; the checkpoint must fit",
        ),
        "--host": ("key server.host", "address to listen on; 0.0.0.0 is every interface"),
        "--port": ("key server.port", "port of the API"),
        "-p": ("key server.port", "port of the API"),
        "--set": ("setting", "set any key: SECTION.KEY=VALUE"),
    },
    "fit": {
        "--format": ("one text json", "how the forecast is written"),
        "--vllm": ("release", "release to forecast for"),
        "--host": ("file", "forecast for the machine of this `gpus --save` file"),
        "--online": ("", "read what is not here from the Hub: headers, no weights"),
        "--model": (
            "key model.name",
            "Hugging Face repository, or a folder (`./`, `../`, `/`, `~`)",
        ),
        "--tensor-parallel-size": (
            "key inference.tensor_parallel_size",
            "GPUs that share each layer",
        ),
        "--tp": ("key inference.tensor_parallel_size", "GPUs that share each layer"),
        "--gpu-memory-utilization": (
            "key inference.gpu_memory_utilization",
            "share of each GPU's memory that vLLM may use, 0 to 1",
        ),
        "--max-model-len": (
            "key inference.max_model_len",
            "longest request in tokens, prompt and answer together",
        ),
        "--dtype": ("key inference.dtype", "type of weights and activations"),
        "--quantization": (
            "key inference.quantization",
            "how the weights are quantised; the checkpoint must fit",
        ),
        "--port": ("key server.port", "port of the API"),
        "-p": ("key server.port", "port of the API"),
        "--set": ("setting", "set any key: SECTION.KEY=VALUE"),
    },
    "upgrade": {
        "--to": ("release", "release of vLLM to go to"),
        "--from": ("release", "release that it is for; default: vllm.version"),
        "--format": ("one text json", "text or json"),
        "--write": ("", "make the edits in the file"),
        "--diff": ("", "print the edits alone"),
    },
    "schema": {
        "--of": ("one profile gpus fit", "of profiles, or of what a command prints as JSON"),
        "--vllm": ("release", "release of vLLM; default: the installed, the newest"),
        "--output": ("file", "write it there"),
    },
    "init": {
        "--output": ("file", "write it there"),
        "--vllm": ("release", "release; default: the installed one"),
        "--force": ("", "write over a file"),
    },
    "gpus": {
        "--format": ("one text json", "how to print it"),
        "--processes": ("", "show who holds memory of the cards"),
        "--topology": ("", "show how near the cards are, and which to group"),
        "--watch": ("", "look again and again"),
        "--interval": ("text", "between two looks; 1s"),
        "--save": ("file", "write it to a file, for --host FILE"),
        "--host": ("file", "show a saved inventory, not this machine"),
    },
    "completion": {},
}

ARGUMENTS: dict[str, str] = {
    "serve": "profile",
    "validate": "profile",
    "render-cmd": "profile",
    "explain": "subject",
    "fit": "profile",
    "upgrade": "profile",
    "init": "text",
    "gpus": "text",
    "completion": "one bash zsh fish",
}

KEYS: dict[str, tuple[str, str]] = {
    "version": ("text", "version of the profile format"),
    "model.name": ("text", "Hugging Face repository, or a folder (`./`, `../`, `/`, `~`)"),
    "model.served_name": ("option served-model-name", "the name, or names, that clients ask for"),
    "model.revision": ("option revision", "branch, tag or commit of the model"),
    "model.code_revision": (
        "option code-revision",
        "branch, tag or commit of the model's own code",
    ),
    "model.tokenizer": (
        "option tokenizer",
        "repository or folder of the tokenizer, if it is another one",
    ),
    "model.tokenizer_revision": (
        "option tokenizer-revision",
        "branch, tag or commit of the tokenizer",
    ),
    "model.tokenizer_mode": ("option tokenizer-mode", "which tokenizer implementation is used"),
    "model.trust_remote_code": (
        "option trust-remote-code",
        "run Python code that comes with the model",
    ),
    "model.chat_template": ("option chat-template", "a Jinja file, or the template itself"),
    "model.generation_config": (
        "option generation-config",
        "where sampling defaults come from: auto, vllm, or a folder",
    ),
    "inference.tensor_parallel_size": ("option tensor-parallel-size", "GPUs that share each layer"),
    "inference.pipeline_parallel_size": (
        "option pipeline-parallel-size",
        "groups of GPUs that hold consecutive layers",
    ),
    "inference.data_parallel_size": (
        "option data-parallel-size",
        "copies of the model behind one address",
    ),
    "inference.enable_expert_parallel": (
        "option enable-expert-parallel",
        "spread the experts of a mixture over the GPUs",
    ),
    "inference.gpu_memory_utilization": (
        "option gpu-memory-utilization",
        "share of each GPU's memory that vLLM may use, 0 to 1",
    ),
    "inference.max_model_len": (
        "option max-model-len",
        "longest request in tokens, prompt and answer together",
    ),
    "inference.max_num_seqs": ("option max-num-seqs", "requests in one batch at the most"),
    "inference.max_num_batched_tokens": (
        "option max-num-batched-tokens",
        "tokens in one batch at the most",
    ),
    "inference.dtype": ("option dtype", "type of weights and activations"),
    "inference.quantization": (
        "option quantization",
        "how the weights are quantised; the checkpoint must fit",
    ),
    "inference.load_format": ("option load-format", "format of the weight files"),
    "inference.kv_cache_dtype": ("option kv-cache-dtype", "type of the KV cache; fp8 halves it"),
    "inference.block_size": ("option block-size", "tokens in one block of the KV cache"),
    "inference.enable_prefix_caching": (
        "option enable-prefix-caching",
        "reuse the KV cache of equal beginnings",
    ),
    "inference.enable_chunked_prefill": (
        "option enable-chunked-prefill",
        "split long prompts over several steps",
    ),
    "inference.cpu_offload_gb": (
        "option cpu-offload-gb",
        "GiB of weights kept in main memory, on each GPU",
    ),
    "inference.enforce_eager": (
        "option enforce-eager",
        "no compilation, no CUDA graphs: starts sooner, runs slower",
    ),
    "inference.seed": ("option seed", "seed of the random numbers"),
    "server.host": ("option host", "address to listen on; 0.0.0.0 is every interface"),
    "server.port": ("option port", "port of the API"),
    "server.workers": (
        "option api-server-count",
        "API server processes (vLLM's --api-server-count)",
    ),
    "server.api_key": (
        "text",
        "key that clients must send; goes to vLLM as VLLM_API_KEY, never in argv",
    ),
    "server.api_key_file": ("text", "a file that holds the key"),
    "server.root_path": ("option root-path", "path prefix when a proxy stands in front"),
    "server.ssl_certfile": ("option ssl-certfile", "TLS certificate, with its chain"),
    "server.ssl_keyfile": ("option ssl-keyfile", "TLS private key"),
    "server.ssl_ca_certs": ("option ssl-ca-certs", "certificates that clients are checked against"),
    "generation_defaults.temperature": ("text", "0 always takes the likeliest token"),
    "generation_defaults.max_tokens": (
        "text",
        "longest answer in tokens; vLLM cuts requests that ask for more",
    ),
    "generation_defaults.top_p": ("text", "nucleus sampling"),
    "generation_defaults.top_k": ("text", "likeliest tokens considered; -1 or 0: all"),
    "generation_defaults.min_p": ("text", "floor relative to the likeliest"),
    "generation_defaults.repetition_penalty": ("text", "above 1 avoids repetition"),
    "vllm.version": ("text", "release to check against; default: the installed"),
    "vllm.command": ("text", "how vLLM is started; default: the vLLM of this environment"),
    "vllm.args": ("text", "any option of `vllm serve`, kebab or snake case"),
    "vllm.env": ("text", "environment variables of vLLM"),
    "gpus.select": ("one auto", "auto, or indices and UUIDs"),
    "gpus.min_free_memory": ("text", "free memory that each card must have before the start"),
    "gpus.share": ("one true false", "whether other runs that share may use the same cards"),
    "supervisor.startup_timeout": ("text", "longest start; default: as long as it takes"),
    "supervisor.stop_grace": ("text", "time that running requests get to finish at a stop"),
    "supervisor.stall_timeout": (
        "text",
        "time without progress after which a busy engine counts as frozen",
    ),
    "supervisor.restart.policy": ("one on-failure never", "whether to try again"),
    "supervisor.restart.max_restarts": ("text", "tries in a row before giving up"),
    "supervisor.restart.window": ("text", "time being ready after which the count starts anew"),
    "supervisor.restart.backoff": ("text", "pause before the first try; doubles, 5 min at most"),
    "ops.enabled": ("one true false", "whether it is served"),
    "ops.host": ("text", "address to listen on"),
    "ops.port": ("text", "port to listen on"),
    "ops.token_file": ("text", "a file that holds the bearer token which clients must send"),
    "logging.directory": ("text", "folder of the runs; default: $XDG_STATE_HOME/mixvllm"),
    "logging.max_bytes": ("text", "size at which vllm.log is turned over"),
    "logging.keep": ("text", "turned-over files that are kept"),
    "terminal.enabled": ("one true false", "whether it is served"),
    "terminal.host": ("text", "address to listen on"),
    "terminal.port": ("text", "port to listen on"),
    "terminal.auto_start_chat": ("one true false", "start the chat client on connection"),
    "terminal.auth": ("one token password none", "how users log in"),
    "terminal.tls": ("one true false", "serve HTTPS"),
    "replicas": ("text", "engines behind one address"),
    "nodes": ("text", "machines, if more than one"),
}
