"""What took an option's place: each entry speaks of a thing that is gone, and of what is there."""

import pytest

from mixvllm.vllm import moves
from mixvllm.vllm.moves import in_words, moved_key, moved_option, moved_variable
from mixvllm.vllm.options import Options, known_releases, options_of
from mixvllm.vllm.table import Section, load_table


def first_without(section: Section, name: str) -> Options | None:
    """The first release that lacks a name which an earlier one had."""
    releases = known_releases()
    spans = load_table().spans(section, name)
    assert spans, name
    last = spans[-1][1]
    return options_of(releases[last + 1]) if last + 1 < len(releases) else None


@pytest.mark.parametrize("name", moves._OPTIONS)
def test_an_option_is_gone_and_its_successor_is_there(name: str) -> None:
    options = first_without("options", name)
    assert options is not None or name == "convert"  # of that only two values are gone
    for value in (True, False, [1], "embed", "reward"):
        for path in moved_option(name, value) or ():
            assert (options or options_of("0.16.0")).find(path[0]) is not None


@pytest.mark.parametrize("name", moves._VARIABLES)
def test_a_variable_is_gone_and_its_option_is_there(name: str) -> None:
    options = first_without("variables", name)
    assert options is not None
    for option, *inner in moved_variable(name, "1") or ():
        found = options.find(option)
        assert found is not None
        keys = options.config_keys(found.config) if found.config else None
        assert all(key in (keys or {}) for key in inner)


@pytest.mark.parametrize(
    ("config", "key"), [(config, key) for config, keys in moves._KEYS.items() for key in keys]
)
def test_a_key_is_gone_and_its_successors_are_there(config: str, key: str) -> None:
    options = first_without("keys", f"{config}.{key}")
    assert options is not None
    known = options.config_keys(config) or {}
    for value in (True, False, 3):
        assert set(moved_key(config, key, value) or ()) <= set(known)


def test_a_meaning_is_never_turned_around() -> None:
    for value in (True, False):
        assert moved_option("disable-log-requests", value) == {}
    assert moved_option("disable-mm-preprocessor-cache", True) == {("mm-processor-cache-gb",): 0}
    assert moved_option("disable-mm-preprocessor-cache", False) == {}
    assert moved_key("AttentionConfig", "use_fp4_indexer_cache", False) == {}
    assert moved_variable("VLLM_USE_FBGEMM", "0") == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [("VLLM_USE_TRTLLM_ATTENTION", "maybe"), ("VLLM_MM_INPUT_CACHE_GIB", "four"),
     ("VLLM_NOBODY_KNOWS", "1"), ("VLLM_USE_FBGEMM", "")],
)  # fmt: skip
def test_what_is_not_certain_is_none(name: str, text: str) -> None:
    assert moved_variable(name, text) is None
    assert moved_option("task", "dance") is None
    assert moved_key("PassConfig", "nothing", True) is None


def test_it_is_said_as_a_profile_writes_it() -> None:
    assert in_words(moved_option("task", "embed") or {}) == "runner: pooling, convert: embed"
    written = in_words(moved_variable("VLLM_TORCH_PROFILER_WITH_STACK", "0") or {})
    assert written == "profiler-config.torch_profiler_with_stack: false"
