"""Main memory as the CPU build of vLLM counts it."""

import psutil

from mixvllm.services.look.main_memory import main_memory


def test_it_is_what_the_machine_has_or_less_where_a_container_is_limited() -> None:
    memory = main_memory()
    assert memory is not None
    assert memory.total is not None
    assert memory.free is not None
    assert memory.total.is_exact
    assert 0 < memory.free <= memory.total.low <= psutil.virtual_memory().total
