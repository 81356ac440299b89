"""k independent faults, planted anywhere in a good profile, are k findings at their lines."""

from hypothesis import given
from hypothesis import strategies as st

from mixvllm.core.origin import FileSpan
from tests.rules.checking import checked

# Lines of each section, with the code of what is wrong in them; none is good. No two of a section
# have a key in common, and none speaks of another line's key.
LINES: dict[str, dict[str, str | None]] = {
    "": {
        "x-note: text": None, "x-list: [1, 2]": None, "zebra: 1": "MX100", "ZEBRA: 1": "MX100",
        "x-anchor: &a 1": "MX013", "stripes: {}": "MX100", "version: 7": "MX130",
        "x-here: *nothing": "MX014", "x-tag: !lion 1": "MX022", "api_port: 1": "MX100",
        "max_num_batched_tokens: 64": "MX101",
    },
    "server": {
        "root_path: /api": None, "port: eighty": "MX110", "host: 12:30": "MX012",
        "prot: 1": "MX100", "workers: 0": "MX111",
        "tensor_parallel_size: 2": "MX101",
    },
    "inference": {
        "enforce_eager: true": None, "dtype: float7": "MX203", "max_model_len: 4KiB": "MX205",
        "gpu_memory_utilization: 90": "MX204", "max_num_seq: 8": "MX100",
        "kv_cache_dtype: fp7": "MX203", "tensor_parallel_size: two": "MX110",
        "swap_space: 4": "MX100",
    },
    "generation_defaults": {
        "top_k: 20": None, "temperature: -1": "MX111", "top_p: ${env:NOT_THERE}": "MX510",
        "max_tokens: many": "MX110", "repetition: 1": "MX100",
    },
    "supervisor": {
        "stop_grace: 30s": None, "startup_timeout: ten": "MX112", "stall_timeout: 010": "MX011",
        "restarts: 3": "MX100",
    },
    "logging": {
        "keep: 3": None, "max_bytes: 20 gigs": "MX113", "directory: [a, b]": "MX110",
    },
    "terminal": {
        "enabled: false": None, "auth: kerberos": "MX114", "port: 0": "MX111", "hots: x": "MX100",
    },
    "vllm.args": {
        "max-num-seqs: 8": None, "enable-prefix-caching: false": None, "seed: 7": None,
        "compilation-config: {mode: 3, modus: 3}": "MX220", "swap-space: 4": "MX210",
        "enable-chunkd-prefill: true": "MX200", "async-scheduling: 'true'": "MX202",
        "response-role:": "MX207", "allowed-methods: GET": "MX222", "max-logprobs: {a: 1}": "MX223",
        "speculative-config: '{\"method\" 1}'": "MX221", "max-log-len: 1_000": "MX012",
        "no-enable-log-requests: true": "MX200", "config: x": "MX231",
        "served-model-name: no": "MX010", "scheduling-policy: fcfs#x": "MX023",
        "performance-mod: throughput": "MX201",
    },
    "vllm.env": {
        "HF_HUB_OFFLINE: 1": None, "VLLM_LOGING_LEVEL: DEBUG": "MX300",
        "VLLM_ATTENTION_BACKEND: X": "MX301", "VLLM_BATCH_INVARIANT: maybe": "MX302",
        "VLLM_HTTP_TIMEOUT_KEEP_ALIVE: 5s": "MX303", "HF_HOME: [a]": "MX304", "A-B: 1": "MX305",
        "HF_TOKEN: not-so-secret": "MX600",
    },
}  # fmt: skip
PLANTED = [(section, line) for section, lines in LINES.items() for line in lines]


def profile(chosen: list[tuple[str, str]]) -> tuple[str, list[tuple[int, str]]]:
    """A profile with these lines, each in its section, and the findings it is to have."""
    lines = ["model: org/name"]
    findings: list[tuple[int, str]] = []

    def put(section: str, indent: str) -> None:
        for where, line in chosen:
            if where == section:
                lines.append(indent + line)
                if code := LINES[section][line]:
                    findings.append((len(lines), code))

    put("", "")  # first: below a section, a key may seem to belong to it
    sections = dict.fromkeys(where for where, _ in chosen if where)
    for section in (name for name in sections if "." not in name):
        lines.append(f"{section}:")
        put(section, "  ")
    below = [name for name in sections if "." in name]
    lines += ["vllm:"] if below else []
    for section in below:
        lines.append(f"  {section.partition('.')[2]}:")
        put(section, "    ")
    return "\n".join([*lines, ""]), findings


@given(st.lists(st.sampled_from(PLANTED), unique=True, max_size=25))
def test_as_many_findings_as_faults(chosen: list[tuple[str, str]]) -> None:
    text, expected = profile(chosen)
    found = [
        (d.origin.line, d.code) for d in checked(text).diagnostics if isinstance(d.origin, FileSpan)
    ]
    assert sorted(found) == sorted(expected)


def test_all_at_once() -> None:
    text, expected = profile(PLANTED)
    found = [
        (d.origin.line, d.code) for d in checked(text).diagnostics if isinstance(d.origin, FileSpan)
    ]
    assert sorted(found) == sorted(expected)
