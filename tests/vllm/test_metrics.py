"""Figures out of /metrics, as a real vLLM 0.32.0 exports it after one request."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixvllm.vllm.metrics import EngineGauges, parse_metrics, rate

RECORDED = (Path(__file__).parents[1] / "data" / "metrics_0.32.0.txt").read_text()


def test_the_recorded_page() -> None:
    assert parse_metrics(RECORDED) == EngineGauges(
        running=0.0,
        waiting=0.0,
        kv_cache_usage=0.0,
        prompt_tokens=32.0,
        generation_tokens=16.0,
        requests_finished=1.0,
        first_token_seconds_sum=1.0274903774261475,
        first_token_count=1.0,
    )


def test_engines_and_reasons_are_added_up_and_the_fullest_cache_counts() -> None:
    read = parse_metrics(
        'vllm:num_requests_running{engine="0"} 3\n'
        'vllm:num_requests_running{engine="1"} 4\n'
        'vllm:kv_cache_usage_perc{engine="0"} 0.25\n'
        'vllm:kv_cache_usage_perc{engine="1"} 0.75\n'
        'vllm:request_success_total{finished_reason="stop"} 5\n'
        'vllm:request_success_total{finished_reason="length"} 6\n'
    )
    assert (read.running, read.kv_cache_usage, read.requests_finished) == (7.0, 0.75, 11.0)


def test_what_is_not_exported_is_not_known() -> None:
    assert parse_metrics("") == EngineGauges()
    assert parse_metrics("<html>404</html>\n") == EngineGauges()


def test_a_figure_that_is_no_number_is_not_known() -> None:
    read = parse_metrics("vllm:kv_cache_usage_perc NaN\nvllm:num_requests_running +Inf\n")
    assert read == EngineGauges()


def test_names_that_only_begin_alike_are_others() -> None:
    read = parse_metrics(
        'vllm:num_requests_waiting{engine="0"} 2\n'
        'vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 2\n'
        'vllm:prompt_tokens_total_created{engine="0"} 1.7e9\n'
    )
    assert read == EngineGauges(waiting=2.0)


@pytest.mark.parametrize("line", ["vllm:num_requests_running", "vllm:num_requests_running x"])
def test_a_broken_line_is_an_error_or_nothing(line: str) -> None:
    try:
        assert parse_metrics(line + "\n") == EngineGauges()
    except ValueError:
        return


@given(st.text(), st.sampled_from(["{", " ", '{a="', "{a=1} ", " 1 2 3 "]))
def test_any_text_is_read_or_refused(text: str, between: str) -> None:
    try:
        parse_metrics(f"vllm:num_requests_running{between}{text}\n")
    except ValueError:
        return


@pytest.mark.parametrize(
    ("now", "before", "seconds", "grown"),
    [
        (30.0, 10.0, 4.0, 5.0),
        (10.0, 10.0, 4.0, 0.0),
        (5.0, 10.0, 4.0, None),  # a new engine
        (5.0, None, 4.0, None),
        (None, 5.0, 4.0, None),
        (5.0, 1.0, 0.0, None),
    ],
)
def test_rates(
    now: float | None, before: float | None, seconds: float, grown: float | None
) -> None:
    assert rate(now, before, seconds) == grown
