"""`mixvllm explain` as its user sees it."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import jsonschema
import pytest

import mixvllm as package
from mixvllm.cli.text.page import page_lines
from mixvllm.cli.text.style import Paint
from mixvllm.services.page import RulePage, code_pages, rule_pages
from tests.cli.running import mixvllm

ROOT = Path(package.__file__).parents[1]
_ORIGIN = {
    "type": "object",
    "required": ["kind", "path", "line", "column", "end_line", "end_column", "name"],
}
_SETTER = {
    "type": ["object", "null"],
    "required": ["key", "value", "available", "origin", "included_at"],
    "properties": {"origin": _ORIGIN, "included_at": {"items": _ORIGIN}},
    "maxProperties": 5,
}
_KEY = {
    "type": "object",
    "required": [
        *("key", "keys", "help", "takes", "choices", "flags", "variable", "secret", "release"),
        *("value", "set_by", "overrode", "parts", "default", "vllm", "findings"),
    ],
    "properties": {
        "set_by": _SETTER,
        "overrode": {"items": _SETTER},
        "parts": {"items": _SETTER},
        "default": _SETTER,
        "vllm": {
            "type": ["object", "null"],
            "required": [
                *("name", "group", "since", "removed_in", "became", "comes_with"),
                *("deprecated", "leaves", "defaults", "json_keys"),
            ],
        },
    },
}


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text("model: m\nserver:\n  port: 9000\n")
    path = tmp_path / "p.yaml"
    path.write_text("extends: base.yaml\nserver:\n  port: 8001\n")
    return path


def explained(*words: str | Path, environ: Mapping[str, str] | None = None) -> str:
    ran = mixvllm("explain", *words, environ=environ)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


def test_a_code_in_any_case_shows_its_page() -> None:
    text = explained("MX210")
    assert text.startswith("MX210: an option that was removed\n\n")
    assert "    4 |     disable-log-requests: true\n" in text
    assert "        enable-log-requests: false\n" in text
    assert "```" not in text
    assert explained("mx210") == text


def test_a_rule_has_its_page_by_any_of_its_names() -> None:
    text = explained("headless-api-servers")
    assert text.startswith("MX241 headless-api-servers: ")
    assert explained("mx241/headless-api-servers") == text
    assert explained("removed-option") == explained("MX210")
    assert mixvllm("explain", "MX240/headless-api-servers").returncode == 2


@pytest.mark.parametrize("code", ["MX240", "MX241"])
def test_a_code_of_many_rules_lists_them(code: str) -> None:
    text = explained(code)
    own = [page for page in rule_pages() if page.code == code]
    assert own
    for page in own:
        assert re.search(rf"^  {page.rule} +{re.escape(page.what.split()[0])}", text, re.MULTILINE)
    document = json.loads(explained(code, "--format", "json"))
    assert [rule["rule"] for rule in document["rules"]] == [page.rule for page in own]


def test_every_page_can_be_read_in_80_columns() -> None:
    pages = [*code_pages(), *rule_pages()]
    assert len(pages) > 80
    for page in pages:
        lines = list(page_lines(page, (), Paint(on=False)))
        assert not [line for line in lines if "](" in line or line.startswith("```")], page.rule
        prose = [line for line in lines if not line.startswith("    ")]
        assert max(map(len, prose)) <= 80, page.code
        painted = list(page_lines(page, (), Paint(on=True)))
        assert [re.sub(r"\x1b\[[\d;]*m", "", line) for line in painted] == lines


def test_lists_links_and_wide_code_of_a_page() -> None:
    page = RulePage(
        "MX999", None, "w",
        "See [MX203](MX203.md) and [one](combinations/one-x.md), [web](https://a.b/c),\n[p](../p.md)."
        "\n\n- a `code\n  over lines`\n- b\n\n# Head\n\n| a | b |\n\n```text title=\"x\"\nraw\n```",
    )  # fmt: skip
    lines = list(page_lines(page, (), Paint(on=False)))
    assert lines == [
        "MX999: w",
        "",
        "See MX203 and one, web (https://a.b/c), p.",
        "",
        "- a `code over lines`",
        "- b",
        "",
        "Head",
        "",
        "| a | b |",
        "",
        "  x",
        "    raw",
        "",
        "see also: mixvllm explain MX203, mixvllm explain one-x",
    ]


def test_pages_come_out_of_the_wheel(tmp_path: Path) -> None:
    """As the build lays it out: the pages beside the code, and no docs/."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    (source, target), *more = build["targets"]["wheel"]["force-include"].items()
    assert not more
    shutil.copytree(ROOT / "mixvllm", tmp_path / "mixvllm")
    shutil.copytree(ROOT / source, tmp_path / target)
    environ = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    for word in ("MX210", "MX241/one-load-balancer"):
        ran = subprocess.run(
            [sys.executable, "-m", "mixvllm", "explain", word],
            capture_output=True, text=True, check=False, cwd=tmp_path, env=environ,
        )  # fmt: skip
        assert (ran.returncode, ran.stdout) == (0, explained(word))


def test_a_value_with_all_that_it_overrode(profile: Path) -> None:
    text = explained("server.port", "--profile", profile, "--port", "1")
    folder = profile.parent
    assert text.splitlines()[:20] == [
        "server.port: port of the API",
        "",
        "1, set by",
        "  --> --port",
        "over 8001, set by",
        f"  --> {profile}:3:9",
        "   |",
        " 3 |   port: 8001",
        "   |         ^^^^",
        "   |",
        "over 9000, set by",
        f"  --> {folder}/base.yaml:3:9",
        "   |",
        " 3 |   port: 9000",
        "   |         ^^^^",
        "   |",
        f"  ::: {profile}:1:10: included here",
        "over 8000, default of mixvllm",
        "",
        "takes      an integer, 1 to 65535",
    ]


def test_what_a_key_takes_is_told_as_far_as_it_is_known() -> None:
    assert "\ntakes      a value that vLLM checks at the start\n" in explained(
        "compilation-config.mode"
    )
    assert "\nchoices    ngram, " in explained("speculative-config.method", "--vllm", "0.32.0")


def test_without_a_profile_there_are_variables_options_and_defaults() -> None:
    assert "\n9, set by\n  --> MIXVLLM_SERVER__PORT\nover 8000, default of mixvllm\n" in explained(
        "server.port", environ={"MIXVLLM_SERVER__PORT": "9"}
    )
    text = explained("dtype", "--vllm", "0.32.0")
    assert "\nauto, default of vLLM 0.32.0\n" in text
    assert "\nchoices    auto, bfloat16, float, float16, float32, half\n" in text
    assert "removed in 0.18.0: the V1 engine has no swap space" in " ".join(
        explained("swap-space").split()
    )


def test_json_has_the_documented_shape(profile: Path) -> None:
    for word in ("server.port", "dtype", "compilation-config", "VLLM_USE_DEEP_GEMM", "swap-space"):
        document = json.loads(explained(word, "--profile", profile, "--format", "json"))
        assert (document["format_version"], document["kind"]) == (1, "key")
        jsonschema.validate(document, _KEY)
    document = json.loads(explained("server", "--profile", profile, "--format", "json"))
    assert (document["kind"], document["key"]) == ("section", "server")
    jsonschema.validate(document["keys"], {"items": _KEY})
    page = json.loads(explained("MX210", "--format", "json"))
    assert list(page) == ["format_version", "kind", "code", "rule", "what", "text", "rules"]
    wrong = mixvllm("explain", "nonsense", "--format", "json")
    assert wrong.returncode == 2
    assert json.loads(wrong.stdout)["error"]["exit_code"] == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("tp-size",), 2, "did you mean `tensor-parallel-size`?"),
        (("MX999",), 2, "there is no finding 'MX999'"),
        (("MX241/one-load-balancr",), 2, "one-load-balancer"),
        (("server.prot",), 2, "did you mean `server.port`"),
        (("port", "--vllm", "9.9"), 3, "the nearest release known here"),
        (("port", "--profile", "nowhere.yaml"), 3, "there is no file nowhere.yaml"),
        ((), 2, "see `mixvllm explain --help`"),
    ],
)
def test_what_cannot_be_answered(words: tuple[str, ...], code: int, said: str) -> None:
    ran = mixvllm("explain", *words)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert said in ran.stderr


def test_faults_of_the_profile_are_told_where_they_matter(profile: Path) -> None:
    profile.write_text("model: m\nserver:\n  port: x\n  hots: h\n")
    ran = mixvllm("explain", "server.port", "--profile", profile)
    assert ran.returncode == 0
    assert "error[MX110]: `server.port` takes an integer" in ran.stdout
    assert f"has 1 error elsewhere: `mixvllm validate {profile}` shows them" in ran.stderr
    profile.write_text("model: [\n")
    ran = mixvllm("explain", "server.port", "--profile", profile)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "MX002" in ran.stderr


@pytest.mark.parametrize("secret", ["hunter2-hunter2", "hf_abcdefgh12345678"])
def test_a_secret_is_never_told(profile: Path, secret: str) -> None:
    (profile.parent / "base.yaml").write_text(
        f"model: m\nserver:\n  api_key: {secret}-base\nvllm:\n  env:\n    HF_TOKEN: {secret}\n"
        f"  args:\n    api-key: {secret}\n    kv-transfer-config: {{password: {secret}}}\n"
    )
    profile.write_text(f"extends: base.yaml\nserver:\n  api_key: {secret}\n")
    environ = {
        "MIXVLLM_SERVER__API_KEY": secret + "-env",
        "MIXVLLM_VLLM__ARGS__HF_TOKEN": secret,
        "MIXVLLM_VLLM": json.dumps({"env": {"MY_PASSWORD": secret}}),
    }
    for word in (
        *("server", "server.api_key", "vllm.env", "vllm.args", "vllm", "vllm.env.HF_TOKEN"),
        *("vllm.args.api-key", "kv-transfer-config", "kv-transfer-config.password", "hf-token"),
        *("VLLM_API_KEY", "vllm.env.MY_PASSWORD"),
    ):
        for form in ("text", "json"):
            ran = mixvllm(
                "explain", word, "--profile", profile, "--format", form,
                "--set", f"server.api_key={secret}-cli", environ=environ,
            )  # fmt: skip
            assert ran.returncode in (0, 2), ran.stderr
            assert secret not in ran.stdout + ran.stderr, word
