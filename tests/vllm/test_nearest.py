"""Did you mean: typing errors by the hundred, and what people really write instead of an option."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.vllm.nearest import edits
from mixvllm.vllm.options import known_releases, options_of
from mixvllm.vllm.synonyms import PHRASES, WORDS

NOW = options_of("0.33.0")

# Left what is written, right what is meant; the first suggestion must be it.
MEANT = """
tp-size tensor-parallel-size
tensor-parallel tensor-parallel-size      parallel-tensor-size tensor-parallel-size
tensor_parallelism tensor-parallel-size   tensor-parallelism-size tensor-parallel-size
TensorParallelSize tensor-parallel-size   tensorParallelSize tensor-parallel-size
tensor-model-parallel-size tensor-parallel-size
num-gpus tensor-parallel-size             num_gpus tensor-parallel-size
gpus tensor-parallel-size                 n-gpus tensor-parallel-size
gpu-count tensor-parallel-size            num-gpu tensor-parallel-size
num-shard tensor-parallel-size            sharded tensor-parallel-size
world-size tensor-parallel-size           tp_degree tensor-parallel-size
tensor-split tensor-parallel-size         size-tensor-parallel tensor-parallel-size
pp-size pipeline-parallel-size
pipeline-parallel pipeline-parallel-size  pipeline-size pipeline-parallel-size
pipeline-parallelism pipeline-parallel-size
dp-size data-parallel-size
data-parallel data-parallel-size          data-parallelism data-parallel-size
replicas data-parallel-size               dp-rank data-parallel-rank
dp-address data-parallel-address          dp-backend data-parallel-backend
expert-parallel enable-expert-parallel
enable-ep enable-expert-parallel          expert-parallelism enable-expert-parallel
use-expert-parallel enable-expert-parallel
max-len max-model-len                     maxlen max-model-len
max-length max-model-len                  model-len max-model-len
max-model-length max-model-len            maximum-model-length max-model-len
model-max-len max-model-len               max-mdoel-len max-model-len
max-context max-model-len                 max-context-len max-model-len
max-context-length max-model-len          context-length max-model-len
context-len max-model-len                 context-size max-model-len
context-window max-model-len              context max-model-len
ctx-size max-model-len                    ctx max-model-len
n-ctx max-model-len                       num-ctx max-model-len
num_ctx max-model-len                     ctx-len max-model-len
max-ctx max-model-len                     max-ctx-len max-model-len
max-seq-len max-model-len                 max-sequence-length max-model-len
max-input-length max-model-len            max-total-tokens max-model-len
session-len max-model-len                 maxModelLen max-model-len
seq-len max-model-len                     max-position-embeddings max-model-len
max-batch-size max-num-seqs               batch-size max-num-seqs
max-seqs max-num-seqs                     num-seqs max-num-seqs
max-num-sequences max-num-seqs            max-sequences max-num-seqs
max-concurrent-requests max-num-seqs      max-running-requests max-num-seqs
max-concurrency max-num-seqs              concurrency max-num-seqs
max-num-reqs max-num-seqs                 max-requests max-num-seqs
max-batched-tokens max-num-batched-tokens max-num-batch-tokens max-num-batched-tokens
max-tokens-batched max-num-batched-tokens num-batched-tokens max-num-batched-tokens
max-batch-tokens max-num-batched-tokens   max-num-tokens max-num-batched-tokens
max-batch-prefill-tokens max-num-batched-tokens
chunked-prefill-size max-num-batched-tokens
gpu-mem gpu-memory-utilization            gpu-mem-util gpu-memory-utilization
gpu-memory-util gpu-memory-utilization    gpu-memory-utilisation gpu-memory-utilization
gpu-memory-usage gpu-memory-utilization   gpu-memory-fraction gpu-memory-utilization
memory-utilization gpu-memory-utilization mem-fraction-static gpu-memory-utilization
mem-fraction gpu-memory-utilization       cuda-memory-fraction gpu-memory-utilization
gpu-util gpu-memory-utilization           gpu-utilization gpu-memory-utilization
utilization-gpu-memory gpu-memory-utilization
vram gpu-memory-utilization               vram-fraction gpu-memory-utilization
gpuMemoryUtilization gpu-memory-utilization
gpu_memory_utilisation gpu-memory-utilization
cache-max-entry-count gpu-memory-utilization
kv-dtype kv-cache-dtype                   kv-cache-type kv-cache-dtype
kvcache-dtype kv-cache-dtype              cache-dtype kv-cache-dtype
kv-quant kv-cache-dtype                   cache-type-k kv-cache-dtype
kv-cache-precision kv-cache-dtype         dtype-kv-cache kv-cache-dtype
kv-cache-memory kv-cache-memory-bytes     kv-cache-size kv-cache-memory-bytes
kv-cache-bytes kv-cache-memory-bytes      kv-memory kv-cache-memory-bytes
quant quantization                        quantize quantization
quantisation quantization                 quantized quantization
quant-method quantization                 load-in-4bit quantization
quantizaton quantization                  quant-config quantization-config
data-type dtype                           torch-dtype dtype
model-dtype dtype                         precision dtype
d-type dtype                              dtypes dtype
prefix-caching enable-prefix-caching      prefix-cache enable-prefix-caching
enable-prefix-cache enable-prefix-caching caching-prefix enable-prefix-caching
automatic-prefix-caching enable-prefix-caching
enable-prefix-chaching enable-prefix-caching
prompt-caching enable-prefix-caching      disable-radix-cache enable-prefix-caching
chunked-prefill enable-chunked-prefill    enable-chunk-prefill enable-chunked-prefill
prefill-chunked enable-chunked-prefill    chunk-prefill enable-chunked-prefill
eager enforce-eager                       eager-mode enforce-eager
force-eager enforce-eager                 enforce-eager-mode enforce-eager
use-eager enforce-eager                   disable-cuda-graph enforce-eager
trust-remote trust-remote-code            trust_remote trust-remote-code
trust-code trust-remote-code              remote-code trust-remote-code
allow-remote-code trust-remote-code       trustRemoteCode trust-remote-code
trust-remotecode trust-remote-code
model-name served-model-name              served-name served-model-name
serve-model-name served-model-name        alias served-model-name
served-model-names served-model-name      served-models-name served-model-name
name-served-model served-model-name
model-path model                          model-id model
hf-repo model                             model-name-or-path model
tokenizer-path tokenizer                  tokeniser tokenizer
tokenizer-rev tokenizer-revision          model-revision revision
branch revision                           rev revision
cache-dir download-dir                    download-directory download-dir
download-path download-dir                hf-home download-dir
apikey api-key                            api-keys api-key
key-api api-key                           auth-token api-key
hostname host                             bind host
server-port port                          http-port port
listen-port port                          ports port
workers api-server-count                  num-workers api-server-count
api-servers api-server-count              api-server-num api-server-count
cors-origins allowed-origins              allow-origins allowed-origins
allowed-origin allowed-origins            cors-allow-origin allowed-origins
ssl-key ssl-keyfile                       ssl-cert ssl-certfile
ssl-cert-file ssl-certfile                ssl-key-file ssl-keyfile
root-url-path root-path                   base-path root-path
reasoning reasoning-parser                parser-reasoning reasoning-parser
thinking-parser reasoning-parser          enable-reasoning reasoning-parser
tool-parser tool-call-parser              tools-parser tool-call-parser
tool-calls-parser tool-call-parser        auto-tool-choice enable-auto-tool-choice
enable-tool-choice enable-auto-tool-choice
enable-auto-tools enable-auto-tool-choice function-calling enable-auto-tool-choice
template chat-template                    chat-templates chat-template
jinja chat-template                       chat-template-format chat-template-content-format
lora enable-lora                          use-lora enable-lora
loras lora-modules                        lora-adapters lora-modules
lora-paths lora-modules                   lora-module lora-modules
lora-rank max-lora-rank                   max-loras-rank max-lora-rank
max-lora max-loras                        max-cpu-lora max-cpu-loras
spec-config speculative-config            speculative speculative-config
speculative-decoding speculative-config   speculative-model spec-model
draft-model spec-model                    num-speculative-tokens spec-tokens
speculative-algorithm spec-method         speculate speculative-config
compile-config compilation-config         compilation compilation-config
compilation-cfg compilation-config        torch-compile compilation-config
cudagraph-sizes cudagraph-capture-sizes   cuda-graph-sizes cudagraph-capture-sizes
attn-backend attention-backend            flash-attn attention-backend
backend-attention attention-backend       attention-implementation attention-backend
kv-transfer kv-transfer-config            kv-transfer-cfg kv-transfer-config
mm-limit limit-mm-per-prompt              limit-mm limit-mm-per-prompt
limit-images-per-prompt limit-mm-per-prompt
mm-processor-args mm-processor-kwargs     mm-kwargs mm-processor-kwargs
seeds seed                                random-seed seed
log-requests enable-log-requests          enable-request-log enable-log-requests
disable-logs-stats disable-log-stats      disable-stats disable-log-stats
disable-stat-logging disable-log-stats    uvicorn-loglevel uvicorn-log-level
log-level-uvicorn uvicorn-log-level       access-log disable-uvicorn-access-log
max-log-length max-log-len                max-log-probs max-logprobs
logprobs max-logprobs                     gpu-blocks-override num-gpu-blocks-override
block_sizes block-size                    cache-block-size block-size
offload-gb cpu-offload-gb                 cpu-offload cpu-offload-gb
cpu-offloading cpu-offload-gb             n-gpu-layers cpu-offload-gb
sched-policy scheduling-policy            schedule-policy scheduling-policy
policy-scheduling scheduling-policy       scheduler-policy scheduling-policy
executor-backend distributed-executor-backend
distributed-backend distributed-executor-backend
executor distributed-executor-backend     master-address master-addr
num-nodes nnodes                          number-of-nodes nnodes
rank-node node-rank                       dist-init-addr master-addr
override-generation override-generation-config
temperature override-generation-config    top-p override-generation-config
top_k override-generation-config          generation-defaults override-generation-config
gen-config generation-config              generation-conf generation-config
rope-scaling hf-overrides                 hf-override hf-overrides
hf-config hf-config-path                  huggingface-token hf-token
sleep-mode enable-sleep-mode              guided-decoding-backend structured-outputs-config
structured-output-config structured-outputs-config
structured-outputs structured-outputs-config
load-type load-format                     weight-format load-format
loader-config model-loader-extra-config   task runner
shutdown-time shutdown-timeout            grace-period shutdown-timeout
gpu-ids device-ids                        device-id device-ids
cuda-visible-devices device-ids           async-schedule async-scheduling
otlp-endpoint otlp-traces-endpoint        moe-backends moe-backend
eplb enable-eplb                          dbo enable-dbo
"""
PAIRS = list(zip(MEANT.split()[::2], MEANT.split()[1::2], strict=True))


def test_the_list_is_long_enough_to_mean_something() -> None:
    assert len({written for written, _ in PAIRS}) == len(PAIRS) >= 200
    assert not [written for written, _ in PAIRS if NOW.find(written)]
    assert not [meant for _, meant in PAIRS if not NOW.find(meant)]


@pytest.mark.parametrize(("written", "meant"), PAIRS, ids=[written for written, _ in PAIRS])
def test_what_people_write_is_understood(written: str, meant: str) -> None:
    assert NOW.nearest(written)[:1] == (meant,)


def slip(text: str, chance: random.Random) -> str:
    """One slip of the keys: a letter too many, too few, wrong, or two in the wrong order."""
    place = chance.randrange(len(text) - 1)
    letter = chance.choice("abcdefghijklmnopqrstuvwxyz")
    return chance.choice(
        [
            text[:place] + letter + text[place:],
            text[:place] + text[place + 1 :],
            text[:place] + letter + text[place + 1 :],
            text[:place] + text[place + 1] + text[place] + text[place + 2 :],
        ]
    )


@pytest.mark.parametrize(("slips", "first", "among"), [(1, 0.99, 0.99), (2, 0.96, 0.97)])
def test_typing_errors_are_seen_through(slips: int, first: float, among: float) -> None:
    chance = random.Random(slips)
    answers = []
    for name in NOW.names():
        written = name
        for _ in range(slips):
            written = slip(written, chance)
        if not NOW.find(written):
            answers.append((name, NOW.nearest(written)))
    assert len(answers) > 300
    assert sum(found[:1] == (name,) for name, found in answers) / len(answers) >= first
    assert sum(name in found for name, found in answers) / len(answers) >= among


@pytest.mark.parametrize("written", ["foo", "xyzzy", "banana-split", "learning-rate", "n", "", "-"])
def test_nothing_is_suggested_where_nothing_is_near(written: str) -> None:
    assert NOW.nearest(written) == ()


def test_at_most_three_are_suggested() -> None:
    assert max(len(NOW.nearest(written)) for written, _ in PAIRS) <= 3


def test_a_suggestion_exists_in_the_release_it_is_made_for() -> None:
    old = options_of("0.12.0")
    assert "spec-model" not in old.nearest("draft-model")
    assert old.nearest("draft-model") == ("speculative-config",)


def test_variables_are_suggested_too() -> None:
    assert NOW.nearest_variable("VLLM_LOGING_LEVEL") == ("VLLM_LOGGING_LEVEL",)
    assert "VLLM_LOGGING_LEVEL" in NOW.nearest_variable("VLLM_LOG_LEVEL")
    assert NOW.nearest_variable("PATH") == ()


def test_every_synonym_leads_to_something_vllm_has() -> None:
    words = {word for name in NOW.names() for word in name.split("-")}
    assert [w for meaning in WORDS.values() for w in meaning.split() if w not in words] == []
    assert [name for names in PHRASES.values() for name in names if not NOW.find(name)] == []
    everywhere = {n for n in NOW.names() if all(options_of(r).find(n) for r in known_releases())}
    assert everywhere.isdisjoint(PHRASES)  # an exact name never comes here


LETTERS = st.text("abc", max_size=6)


@given(LETTERS, LETTERS, LETTERS)
def test_edits_are_a_distance(one: str, two: str, three: str) -> None:
    assert edits(one, one) == 0
    assert edits(one, two) == edits(two, one) <= max(len(one), len(two))
    assert edits(one, one[1:] + "c") <= 2
    assert abs(len(one) - len(three)) <= edits(one, three)
