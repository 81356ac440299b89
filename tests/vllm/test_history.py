"""When options, variables, keys and choices came and went."""

import pytest

from mixvllm.vllm.history import (
    DefaultChange,
    added_in,
    choice_removed_in,
    default_changes,
    in_since,
    key_added_in,
    key_in_since,
    key_removed_in,
    release_with,
    removed_in,
    variable_added_in,
    variable_in_since,
    variable_release_with,
    variable_removed_in,
)
from mixvllm.vllm.options import UnknownRelease, known_releases, options_of


@pytest.mark.parametrize(
    ("name", "before", "release"),
    [
        ("swap-space", "0.32.0", "0.18.0"),
        ("swap_space", "0.18.0", "0.18.0"),
        ("--swap-space", "0.32.0", "0.18.0"),
        ("swap-space", "0.17.1", None),  # still there
        ("disable-log-requests", "0.33.0", "0.17.0"),
        ("task", "0.20.0", "0.13.0"),
        ("max-num-partial-prefills", "0.32.0", "0.27.1"),
        ("tensor-parallel-size", "0.32.0", None),
        ("-tp", "0.32.0", None),
        ("never-was", "0.32.0", None),
        ("grpc", "0.12.0", None),  # not there yet, which is not removed
    ],
)
def test_when_an_option_went(name: str, before: str, release: str | None) -> None:
    assert removed_in(name, before=before) == release


@pytest.mark.parametrize(
    ("name", "after", "release"),
    [
        ("watchdog-config", "0.32.0", "0.33.0"),
        ("attention_config", "0.12.0", "0.13.0"),
        ("dtype", "0.12.0", None),  # there already
        ("swap-space", "0.32.0", None),  # gone, and not come back
        ("never-was", "0.12.0", None),
    ],
)
def test_when_an_option_came(name: str, after: str, release: str | None) -> None:
    assert added_in(name, after=after) == release


def test_coming_and_going_agree_with_what_each_release_has() -> None:
    first, last = options_of(known_releases()[0]), options_of(known_releases()[-1])
    for name in first.names():
        assert (removed_in(name, before=last.release) is None) == (last.find(name) is not None)
    for name in last.names():
        came = added_in(name, after=first.release)
        assert (came is None) == (first.find(name) is not None)
        assert came is None or options_of(came).find(name)


def test_variables_keys_and_choices() -> None:
    assert variable_removed_in("VLLM_ATTENTION_BACKEND", before="0.32.0") == "0.15.1"
    assert variable_added_in("VLLM_USE_RUST_FRONTEND", after="0.12.0") is not None
    assert variable_removed_in("VLLM_NEVER_WAS", before="0.32.0") is None
    assert key_added_in("AttentionConfig", "backend_per_kind", after="0.12.0") == "0.26.0"
    assert key_removed_in("CompilationConfig", "mode", before="0.32.0") is None
    assert choice_removed_in("convert", "reward", before="0.32.0") == "0.16.0"
    assert choice_removed_in("convert", "embed", before="0.32.0") is None


def test_defaults_that_changed() -> None:
    changes = default_changes("gpu-memory-utilization", since="0.19.1", until="0.32.0")
    assert changes == (DefaultChange("0.20.2", 0.9, 0.92),)
    assert default_changes("gpu-memory-utilization", since="0.20.2", until="0.32.0") == ()
    assert default_changes("allowed-origins", since="0.31.0", until="0.32.0") == (
        DefaultChange("0.32.0", ["*"], []),
    )
    assert default_changes("dtype", since="0.12.0", until="0.33.0") == ()


def test_an_unknown_release_is_refused() -> None:
    with pytest.raises(UnknownRelease):
        removed_in("swap-space", before="9.9.9")
    with pytest.raises(UnknownRelease):
        default_changes("dtype", since="9.9.9", until="0.32.0")


def test_since_when_without_a_break() -> None:
    assert in_since("max_model_len", "0.33.0") == known_releases()[0]
    assert in_since("swap-space", "0.33.0") is None
    for release in known_releases():
        for name in options_of(release).names():
            first = in_since(name, release)
            assert first is not None
            assert options_of(first).find(name)
            before = known_releases().index(first) - 1
            assert before < 0 or not options_of(known_releases()[before]).find(name)


def test_since_when_a_variable_and_a_key() -> None:
    newest_options = options_of(known_releases()[-1])
    assert variable_in_since("VLLM_NO_SUCH", "0.33.0") is None
    for name in newest_options.env:
        first = variable_in_since(name, "0.33.0")
        assert first is not None
        assert name in options_of(first).env
    for key in newest_options.config_keys("CompilationConfig") or ():
        first = key_in_since("CompilationConfig", key, "0.33.0")
        assert first is not None
        assert key in (options_of(first).config_keys("CompilationConfig") or ())


def test_a_release_to_look_a_gone_option_up_in() -> None:
    assert release_with("dtype", "0.20.0") == options_of("0.20.0").release
    gone = removed_in("swap-space", "0.33.0")
    last = release_with("swap-space", "0.33.0")
    assert last is not None
    assert known_releases().index(last) + 1 == known_releases().index(str(gone))
    assert release_with("no-such-option", "0.33.0") is None
    for name in options_of("0.33.0").names():
        first = release_with(name, "0.12.0")
        assert first is not None
        assert options_of(first).find(name)
    assert variable_release_with("VLLM_NO_SUCH", "0.33.0") is None
    for name in options_of("0.12.0").env:
        assert name in options_of(str(variable_release_with(name, "0.33.0"))).env
