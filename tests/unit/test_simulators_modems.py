"""What a modem says of its own, and what it keeps from its meters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.wrapper import Frame
from protocols.errors import RemoteError
from protocols.modem import dialects
from protocols.modem.stream import Heartbeat, ModemStream, Payload, Registered
from simulators.modems import Voice

NAME = "861234567890123"
ANSWER = Frame(1, 17, b"IMEI:no\r\n55AA#").to_bytes()


@pytest.mark.parametrize("dialect", [name for name in dialects.names() if dialects.load(name).registration])
def test_the_head_end_understands_what_a_modem_says(dialect):
    voice, stream = Voice(dialects.load(dialect), NAME), ModemStream(dialect)
    said = voice.registration + voice.heartbeat + voice.packet(ANSWER) + voice.heartbeat
    events = stream.feed(said)
    assert events[0] == Registered(NAME)
    assert [event.raw for event in events if isinstance(event, Payload)] == [ANSWER]
    assert sum(isinstance(event, Heartbeat) for event in events) == 2


def test_a_name_before_every_packet_where_the_dialect_wants_it():
    for dialect, repeats in (("text-once", False), ("hex-once", False), ("text-every-packet", True)):
        voice = Voice(dialects.load(dialect), NAME)
        assert voice.packet(ANSWER).startswith(voice.registration) is repeats
        assert voice.packet(ANSWER).endswith(ANSWER)
        assert voice.packet(b"") == b""


@given(st.sampled_from(["text-once", "hex-once"]), st.lists(st.integers(1, 30), max_size=40))
def test_replies_to_heartbeats_never_reach_the_meters(dialect, cuts):
    voice = Voice(dialects.load(dialect), NAME)
    reply = voice.dialect.heartbeat.answer(NAME)
    sent = ANSWER + reply + reply + ANSWER + reply
    heard, at = [], 0
    for cut in [*cuts, len(sent)]:
        heard += voice.hear(sent[at : at + cut])
        at += cut
    assert heard == [ANSWER, ANSWER]


def test_a_head_end_that_speaks_no_known_language_is_hung_up_on():
    with pytest.raises(RemoteError):
        Voice(dialects.load("text-once"), NAME).hear(b"GET / HTTP/1.1\r\n")
