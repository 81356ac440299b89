"""What a supervisor hears that listens only now and then."""

from hypothesis import given
from hypothesis import strategies as st

from mixvllm.engine import wire
from mixvllm.engine.messages import Dropped, LogTrouble, Output, parse
from mixvllm.engine.outbox import Outbox

WORD = wire.message(wire.TROUBLE, errno=None, lost_bytes=0)


class Ear:
    """A socket that takes so many messages."""

    def __init__(self) -> None:
        self.room = 0
        self.heard: list[bytes] = []

    def send(self, message: bytes) -> bool:
        if self.room == 0:
            return False
        self.room -= 1
        self.heard.append(message)
        return True


def test_the_oldest_output_goes_and_is_counted() -> None:
    ear = Ear()
    outbox = Outbox(ear.send)
    for number in range(20):
        outbox.output(b"%05d\n" % number + b"x" * (wire.CHUNK - 6))
    assert outbox
    ear.room = 99
    outbox.flush()
    assert not outbox
    count, *others = map(parse, ear.heard)
    assert count == Dropped(12 * wire.CHUNK, 12)
    assert [other.data[:5] for other in others if isinstance(other, Output)] == [
        b"%05d" % number for number in range(12, 20)
    ]


def test_each_gap_is_counted_anew() -> None:
    ear = Ear()
    outbox = Outbox(ear.send)
    for _ in range(2):
        ear.room = 0
        for _ in range(9):
            outbox.output(b"x" * (wire.CHUNK - 1) + b"\n")
        ear.room = 99
        outbox.flush()
    counts = [message for message in map(parse, ear.heard) if isinstance(message, Dropped)]
    assert counts == [Dropped(wire.CHUNK, 1)] * 2


def test_nothing_is_dropped_while_somebody_listens() -> None:
    ear = Ear()
    outbox = Outbox(ear.send)
    ear.room = 99
    for _ in range(50):
        outbox.output(b"x" * wire.CHUNK)
        outbox.flush()
    assert not [message for message in map(parse, ear.heard) if isinstance(message, Dropped)]


@given(
    st.lists(
        st.one_of(
            st.integers(1, wire.CHUNK).map(lambda size: b"x" * (size - 1) + b"\n"),
            st.just("word"),
            st.integers(1, 6),
        ),
        max_size=60,
    )
)
def test_words_all_arrive_and_every_byte_is_sent_or_counted(
    story: list[bytes | str | int],
) -> None:
    ear = Ear()
    outbox = Outbox(ear.send)
    said = words = 0
    for event in story:
        if isinstance(event, bytes):
            outbox.output(event)
            said += len(event)
        elif isinstance(event, str):
            outbox.tell(WORD)
            words += 1
        else:
            ear.room = event
            outbox.flush()
    ear.room = 999
    outbox.flush()
    heard = [parse(message) for message in ear.heard]
    shown = sum(len(message.data) for message in heard if isinstance(message, Output))
    dropped = sum(message.bytes for message in heard if isinstance(message, Dropped))
    assert shown + dropped == said
    assert sum(isinstance(message, LogTrouble) for message in heard) == words
    assert all(len(message) <= wire.LARGEST for message in ear.heard)
