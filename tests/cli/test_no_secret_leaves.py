"""Secrets planted wherever a profile can hold one, and looked for in all that is written.

Each has a name of its own, so that a leak says which place it came from.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.running import mixvllm

SIGN = "qX7vZ"  # in every secret


def secret(place: str) -> str:
    return f"{SIGN}{place}w9"


@dataclass(frozen=True)
class Plan:
    """A profile with its files, its variables, and the words that go with it."""

    name: str
    files: Mapping[str, str]
    environ: Mapping[str, str]
    words: tuple[str, ...] = ()


PLANS = (
    Plan(
        "passes",
        {
            "p.yaml": f"""\
extends: base.yaml
model: org/name  # api_key: {secret("comment")}
server: {{api_key: '${{env:KEY}}', root_path: /x}}
vllm:
  version: 0.32.0
  args: {{max-num-seqs: 8}}
  env:
    HF_TOKEN: {secret("plain-token")}
    DB_PASSWORD: ${{file:token}}
    HTTP_PROXY: http://user:{secret("address")}@proxy:1
""",
            "base.yaml": f"vllm: {{env: {{OPENAI_API_KEY: {secret('extended')}}}}}\n",
            "token": secret("file"),
        },
        {"KEY": secret("variable")},
    ),
    Plan(
        "key-file",
        {"p.yaml": "model: m\nserver: {api_key_file: key}\n", "key": secret("key-file")},
        {},
    ),
    Plan(
        "plain",
        {"p.yaml": f"model: m\nserver:\n  api_key: {secret('plain')}\n"},
        {},
    ),
    Plan(
        "overridden",
        {"p.yaml": f"model: m\nserver: {{api_key: {secret('overridden')}}}\n"},
        {"MIXVLLM_SERVER__API_KEY": secret("settings-variable")},
        ("--set", f"server.api_key={secret('option')}"),
    ),
    Plan(
        "overridden-wrongly",
        {"p.yaml": "model: m\nserver: {port: x}\n"},
        {"MIXVLLM_SERVER__API_KEE": secret("wrong-variable"),
         "MIXVLLM_VLLM": f'{{"env": {{"HF_TOKEN": "{secret("json-variable")}"'},
        ("--set", f"server.api_kee={secret('wrong-option')}",
         "--set", f'vllm.args.additional-config={{"api_key": "{secret("json-option")}"}}'),
    ),
    Plan(
        "refused",
        {
            "p.yaml": f"""\
model: https://user:{secret("model")}@host/name
server:
  api_kee: {secret("misspelt")}
  port: x  # password: {secret("comment-of-a-fault")}
  api-key: [{secret("list")}]
auth_token: {secret("top")}
gpus:
  secret: {{a: {secret("below")}}}
vllm:
  command: vllm --api-key {secret("command")}
  args:
    hf-token: {secret("hf-token")}
    api-key: {secret("api-key")}
    additional-config: '{{"deep": {{"api_key": "{secret("json")}", }}}}'
    kv-transfer-config: {{kv_connector_extra_config: {{password: {secret("yaml-json")}}}}}
    served-model-name: sk-{secret("form")}
    middleware: --token={secret("flag")}
  env:
    HF-TOKEN: {secret("wrong-name")}
    VLLM_API_KEY: [{secret("list-variable")}]
    MY_SECRET: ${{env:NOT_THERE:-{secret("default")}}}
    OTHER_SECRET: ${{env:{secret("name")} x}}
    VLLM_LOGING_LEVEL: hf_{secret("byform")}
""",
        },
        {},
    ),
    Plan(
        "broken",
        {"p.yaml": f"model: m\nserver:\n  api_key: '{secret('open-quote')}\n  port: [1\n"},
        {},
    ),
    Plan(
        "broken-nearby",
        {"p.yaml": f"model: m\nserver:\n  api_key: {secret('beside')}\n  port: [1\n  x: 2\n"},
        {},
    ),
    Plan(
        "glued",
        {"p.yaml": f"model: m\nserver:\n  api_key:{secret('glued')}\n  port: 1\n"},
        {},
    ),
    Plan(
        "extends-broken",
        {
            "p.yaml": "extends: base.yaml\nmodel: m\n",
            "base.yaml": f"server: {{api_key: {secret('broken-base')}, port: [1}}\n",
        },
        {},
    ),
    Plan(
        "anchored",
        {"p.yaml": f"x-k: &k {secret('anchor')}\nmodel: m\nserver: {{api_key: *k, port: *k}}\n"},
        {},
    ),
)  # fmt: skip

COMMANDS = (
    ("validate", "p.yaml"),
    ("validate", "p.yaml", "--format", "json"),
    ("validate", "p.yaml", "--format", "sarif"),
    ("validate", "p.yaml", "--format", "github"),
    ("validate", "p.yaml", "--diff"),
    ("validate", "p.yaml", "--fix"),
    ("render-cmd", "p.yaml"),
    ("render-cmd", "p.yaml", "--origins"),
    ("render-cmd", "p.yaml", "--format", "json"),
    ("explain", "server.api_key", "--profile", "p.yaml", "--format", "json"),
    ("explain", "vllm.env.HF_TOKEN", "--profile", "p.yaml"),
    ("explain", "vllm.env", "--profile", "p.yaml", "--format", "json"),
    ("explain", "vllm.args.additional-config", "--profile", "p.yaml"),
    ("explain", "vllm.command", "--profile", "p.yaml"),
    ("explain", "model.name", "--profile", "p.yaml"),
    ("upgrade", "p.yaml", "--to", "0.33", "--from", "0.12", "--format", "json"),
    ("upgrade", "p.yaml", "--to", "0.33", "--diff"),
    ("serve", "p.yaml"),
    ("serve", "p.yaml", "--format", "json"),
)  # fmt: skip


def planted(plan: Plan, folder: Path) -> set[Path]:
    for name, text in plan.files.items():
        (folder / name).write_text(text)
    return {folder / name for name in plan.files}


def told(plan: Plan, command: tuple[str, ...], folder: Path) -> str:
    """All that one command writes: what it prints, and files that were not there before."""
    folder.mkdir()
    own = planted(plan, folder)
    words = plan.words if command[0] != "upgrade" else ()
    # Nothing is started: no vLLM is on the path.
    own_folders = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "TMPDIR"), str(folder))
    environ = {"PATH": "", **own_folders, **plan.environ}
    ran = mixvllm(*command, *words, environ=environ, cwd=folder)
    assert ran.returncode in (0, 1, 2, 3, 4), ran.stderr
    assert "Traceback" not in ran.stderr
    written = [p for p in folder.rglob("*") if p.is_file() and p not in own]
    kept = [p.read_text(encoding="utf-8", errors="replace") for p in written]
    return "\n".join([ran.stdout, ran.stderr, *kept])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("plan", PLANS, ids=[plan.name for plan in PLANS])
def test_no_command_tells_a_secret(plan: Plan, tmp_path: Path) -> None:
    with ThreadPoolExecutor(max_workers=4) as pool:
        folders = [tmp_path / str(i) for i in range(len(COMMANDS))]
        found = list(pool.map(lambda command, to: told(plan, command, to), COMMANDS, folders))
    leaks = {
        " ".join(command): [line for line in text.splitlines() if SIGN in line]
        for command, text in zip(COMMANDS, found, strict=True)
        if SIGN in text
    }
    assert leaks == {}


def test_every_place_is_planted_once() -> None:
    held = "".join(str((plan.files, plan.environ, plan.words)) for plan in PLANS)
    assert held.count(SIGN) >= 35
