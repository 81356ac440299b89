"""All processes of all cards."""

from mixvllm.cli.text.cells import cells
from mixvllm.cli.text.gpus_processes import held, process_lines
from mixvllm.gpu.inventory import MigDevice
from tests.cli.text.inventories import card, inventory, process, texts

SERVES = {"user": "anna", "command": "vllm serve m --port 8000", "instance": "llama-8b"}


def test_the_most_memory_first_and_a_process_of_two_cards_once() -> None:
    taken = inventory(
        card(0, process(7, 1), process(9, 30, "vllm", **SERVES)),
        card(1, process(9, 32, "vllm", **SERVES), process(8, None)),
    )
    assert texts(process_lines(taken, width=80)) == [
        " pid  user  card    memory  instance  command",
        "   9  anna  0,1   62.0 GiB  llama-8b  vllm serve m --port 8000",
        "   7  -     0      1.0 GiB            python",
        "   8  -     1            -            python",
        "",
        "3 processes on 2 cards, 63.0 GiB",
    ]


def test_a_process_of_a_slice_is_not_counted_for_its_card_again() -> None:
    cut = card(0, process(7, 5), mig_devices=(MigDevice(2, processes=(process(7, 5),)),))
    (only,) = held(inventory(cut))
    assert only.cards == ("0:2",)


def test_memory_that_one_card_does_not_tell_is_not_known() -> None:
    (only,) = held(inventory(card(0, process(7, 5)), card(1, process(7, None))))
    assert only.memory_bytes is None


def test_processes_outside_the_container_are_counted_with_the_reason() -> None:
    reason = {"processes.name": "pids of the host, and this is a container"}
    taken = inventory(card(0, process(7, 5, None), process(8, 6, None), unavailable=reason))
    assert texts(process_lines(taken, width=100))[-2] == (
        "2 processes without a name, 11.0 GiB: pids of the host, and this is a container"
    )


def test_a_card_that_does_not_tell_its_processes() -> None:
    silent = card(1, processes=None, unavailable={"processes": "not supported under WDDM"})
    lines = texts(process_lines(inventory(card(0), silent), width=80))
    assert lines == [
        " nobody holds memory of a card",
        "",
        "processes of card 1: not supported under WDDM",
        "no process",
    ]


def test_five_hundred_processes_stay_lines() -> None:
    many = [process(1000 + i, i / 10, command="x" * 300) for i in range(500)]
    lines = texts(process_lines(inventory(card(0, *many)), width=60))
    assert len(lines) == 503
    assert max(map(cells, lines)) <= 60
    assert lines[1].split()[0] == "1499"
