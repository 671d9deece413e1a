"""What each half of an HDLC link does with every kind of frame."""

import pytest

from protocols.dlms.framing import Framing, Heard, Parted, ServerFraming
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.client import HdlcFraming
from protocols.dlms.hdlc.frame import HdlcFrame, Kind, control
from protocols.dlms.hdlc.limits import LinkLimits
from protocols.dlms.hdlc.parameters import LinkParameters
from protocols.dlms.hdlc.rejection import Rejection
from protocols.dlms.hdlc.server import MAX_LINKS, MAX_NOTICES, MAX_OWED, HdlcServerFraming
from protocols.dlms.hdlc.stream import Deframer
from protocols.errors import DecodeError, LocalError, RemoteError

METER, CLIENT = HdlcAddress(1, 17), HdlcAddress(16)
ASK, ANSWER = b"\xe6\xe6\x00", b"\xe6\xe7\x00"


def said(kind: Kind, info: bytes = b"", *, more: bool = False, **numbers: int) -> bytes:
    """A frame of the meter."""
    final = bool(numbers.pop("final", 1))
    return HdlcFrame(CLIENT, METER, control(kind, final=final, **numbers), info, more).to_bytes()


def asked(kind: Kind, info: bytes = b"", *, more: bool = False, **numbers: int) -> bytes:
    """A frame of the client."""
    final = bool(numbers.pop("final", 1))
    return HdlcFrame(METER, CLIENT, control(kind, final=final, **numbers), info, more).to_bytes()


def linked(window: int = 1, limits: LinkLimits | None = None) -> HdlcFraming:
    parameters = LinkParameters(128, 128, window, window)
    link = HdlcFraming(16, METER, parameters, limits)
    link.connect()
    assert link.feed(said(Kind.UA, parameters.to_bytes())) == []
    return link


def waiting(window: int = 1, limits: LinkLimits | None = None) -> HdlcFraming:
    """A link on which a question was heard and an answer is due."""
    link = linked(window, limits)
    link.wrap(b"question")
    assert link.feed(said(Kind.RR, receive=1)) == []
    return link


def test_both_halves_have_the_shape_of_a_framing() -> None:
    client: Framing = HdlcFraming(16, METER)
    meter: ServerFraming = HdlcServerFraming({METER: 1})
    assert not client.connected
    assert meter.replies() == b""


class TestClient:
    def test_the_defaults_need_no_words(self) -> None:
        assert HdlcFraming(16, METER).connect() == asked(Kind.SNRM)
        wide = LinkParameters(512, 512, 3, 3)
        assert HdlcFraming(16, METER, wide).connect() == asked(Kind.SNRM, wide.to_bytes())

    def test_the_smaller_of_both_is_agreed_upon(self) -> None:
        link = HdlcFraming(16, METER, LinkParameters(512, 512, 3, 3))
        link.connect()
        link.feed(said(Kind.UA, LinkParameters(300, 200, 1, 2).to_bytes()))
        assert link.connected
        assert link.agreed == LinkParameters(200, 300, 2, 1)

    def test_a_refusal_is_told(self) -> None:
        link = HdlcFraming(16, METER)
        link.connect()
        with pytest.raises(RemoteError, match="refused the HDLC link") as refused:
            link.feed(said(Kind.DM))
        assert refused.value.raw == said(Kind.DM)
        for call in (link.connect, lambda: link.wrap(b"x")):
            with pytest.raises(LocalError, match="broken"):
                call()
        assert link.disconnect() == b""

    def test_parameters_that_are_none_break_the_link(self) -> None:
        link = HdlcFraming(16, METER)
        link.connect()
        with pytest.raises(DecodeError):
            link.feed(said(Kind.UA, b"\x80"))
        assert not link.connected

    def test_what_is_left_of_an_older_link_means_nothing(self) -> None:
        link = HdlcFraming(16, METER)
        assert link.feed(said(Kind.I, ANSWER + b"old")) == []
        link.connect()
        assert link.feed(said(Kind.I, ANSWER + b"old") + said(Kind.RR, receive=7) + said(Kind.UA)) == []
        assert link.connected
        assert link.feed(said(Kind.UA)) == []
        assert link.wrap(b"new") == asked(Kind.I, ASK + b"new")

    def test_other_stations_and_our_own_echo_are_passed_over(self) -> None:
        link = linked()
        sent = link.wrap(b"x")
        other = HdlcFrame(CLIENT, HdlcAddress(1, 18), 0x1F).to_bytes()
        elsewhere = HdlcFrame(HdlcAddress(17), METER, 0x1F).to_bytes()
        assert link.feed(sent + other + elsewhere) == []
        assert link.connected
        wide = HdlcFrame(CLIENT, HdlcAddress(1, 17, 4), 0x30, ANSWER + b"y").to_bytes()
        assert link.feed(wide) == [b"y"]

    @pytest.mark.parametrize("payload", [b"", bytes(101)])
    def test_what_may_not_be_sent(self, payload: bytes) -> None:
        with pytest.raises(LocalError, match="connect first"):
            HdlcFraming(16, METER).wrap(b"x")
        with pytest.raises(LocalError, match="takes 1 to 100 bytes"):
            linked(limits=LinkLimits(max_message=100)).wrap(payload)

    def test_a_long_question_goes_in_windows(self) -> None:
        link = linked(3)
        first = Deframer().feed(link.wrap(bytes(128 * 4)))
        assert [(f.send, f.final, f.segmented) for f in first] == [
            (0, False, True), (1, False, True), (2, True, True),
        ]  # fmt: skip
        assert link.replies() == b""
        link.feed(said(Kind.RR, receive=2))
        second = Deframer().feed(link.replies())
        assert [(f.send, f.final, f.segmented) for f in second] == [
            (2, False, True), (3, False, True), (4, True, False),
        ]  # fmt: skip

    def test_a_second_question_waits_for_its_turn(self) -> None:
        link = linked()
        link.wrap(b"a")
        assert link.wrap(b"b") == b""
        assert link.feed(said(Kind.I, ANSWER + b"A", receive=1)) == [b"A"]
        assert link.replies() == asked(Kind.I, ASK + b"b", send=1, receive=1)

    def test_a_busy_meter_is_asked_again_after_a_pause(self) -> None:
        link = linked(limits=LinkLimits(polls=2))
        link.wrap(b"x")
        assert not link.pause_s
        link.feed(said(Kind.RNR))
        assert (link.replies(), link.pause_s) == (b"", 0.2)
        assert link.on_silence() == asked(Kind.RR)
        assert not link.pause_s
        link.feed(said(Kind.RR))
        assert link.replies() == asked(Kind.I, ASK + b"x")

    def test_a_busy_meter_that_speaks_is_ready(self) -> None:
        link = linked()
        link.wrap(bytes(200))
        link.feed(said(Kind.RNR, receive=1))
        assert link.replies() == b""
        link.feed(said(Kind.I, ANSWER + b"wait", receive=1))
        assert Deframer().feed(link.replies())[0].send == 1

    def test_a_meter_that_stays_busy_is_given_up(self) -> None:
        link = linked(limits=LinkLimits(polls=2))
        link.wrap(b"x")
        for _ in range(2):
            link.feed(said(Kind.RNR, receive=1))
            assert link.on_silence() == asked(Kind.RR)
        link.feed(said(Kind.RNR, receive=1))
        with pytest.raises(RemoteError, match="stayed busy: asked 3 times"):
            link.on_silence()

    def test_a_busy_meter_that_falls_silent_is_enquired_not_flooded(self) -> None:
        link = linked()
        link.wrap(b"x")
        link.feed(said(Kind.RNR))
        link.on_silence()
        assert link.on_silence() == asked(Kind.RR)

    def test_a_meter_that_has_nothing_yet_is_asked_again_after_a_pause(self) -> None:
        link = waiting()
        assert (link.replies(awaiting=True), link.pause_s) == (b"", 0.2)
        assert link.on_silence() == asked(Kind.RR)
        assert link.feed(said(Kind.I, ANSWER + b"at last", receive=1)) == [b"at last"]
        assert (link.replies(), link.pause_s, link.on_silence()) == (b"", None, b"")

    def test_what_was_not_heard_is_repeated_what_was_is_enquired(self) -> None:
        link = linked()
        question = link.wrap(b"x")
        assert link.on_silence() == question
        link.feed(said(Kind.I, ANSWER, receive=1, more=True))
        assert link.replies() == asked(Kind.RR, receive=1)
        assert link.on_silence() == asked(Kind.RR, receive=1)

    def test_half_a_frame_is_forgotten_in_silence(self) -> None:
        link = linked()
        link.wrap(b"x")
        link.feed(said(Kind.I, bytes(1000), receive=1)[:20])
        link.on_silence()
        assert link.feed(said(Kind.I, ANSWER + b"y", receive=1)) == [b"y"]

    def test_rej_is_answered_by_going_back(self) -> None:
        link = linked()
        question = link.wrap(b"x")
        link.feed(said(Kind.REJ))
        assert link.replies() == question

    def test_an_acknowledgement_doubled_on_its_way_is_no_turn(self) -> None:
        link = linked()
        link.wrap(bytes(300))
        link.feed(said(Kind.RR, receive=1))
        assert Deframer().feed(link.replies())[0].send == 1
        link.feed(said(Kind.RR, receive=1))
        assert link.replies() == b""

    def test_an_answer_doubled_on_its_way_is_no_turn_and_no_answer(self) -> None:
        link = linked()
        link.wrap(b"a")
        assert link.feed(said(Kind.I, ANSWER + b"A", receive=1)) == [b"A"]
        link.wrap(b"b")
        assert link.feed(said(Kind.I, ANSWER + b"A", receive=1)) == []
        assert link.replies() == b""
        assert link.feed(said(Kind.I, ANSWER + b"B", send=1, receive=2)) == [b"B"]

    def test_a_gap_is_asked_for_at_once(self) -> None:
        link = linked(3)
        link.wrap(b"x")
        link.feed(said(Kind.I, ANSWER, more=True, receive=1, final=0))
        link.feed(said(Kind.I, b"c", send=2, receive=1))
        assert link.replies() == asked(Kind.RR, receive=1)
        rest = said(Kind.I, b"b", more=True, send=1, receive=1, final=0) + said(
            Kind.I, b"c", send=2, receive=1
        )
        assert link.feed(rest) == [b"bc"]

    def test_rr_in_the_middle_of_a_message_is_asked_on(self) -> None:
        link = linked()
        link.wrap(b"x")
        link.feed(said(Kind.I, ANSWER, more=True, receive=1, final=0) + said(Kind.RR, receive=1))
        assert link.replies() == asked(Kind.RR, receive=1)
        link.feed(said(Kind.RR, receive=1, final=0))
        assert link.replies() == b""

    def test_a_meter_that_never_goes_on_is_given_up(self) -> None:
        link = linked(3, LinkLimits(rounds=5))
        link.wrap(b"x")
        with pytest.raises(RemoteError, match="does not go on: asked 6 times"):
            for _ in range(7):
                link.feed(said(Kind.RR))
                assert link.replies()

    def test_notifications_come_in_between(self) -> None:
        link = linked()
        link.wrap(b"x")
        assert link.feed(said(Kind.UI, ANSWER + b"note")) == [b"note"]
        assert link.replies() == b""
        assert link.feed(said(Kind.I, ANSWER + b"y", receive=1)) == [b"y"]

    @pytest.mark.parametrize(
        ("destination", "source", "taken"),
        [
            (CLIENT, METER, True),
            (HdlcAddress(0x7F), METER, True),
            (CLIENT, HdlcAddress(1, 0x7E), True),
            (HdlcAddress(16, 0x7F), HdlcAddress(1, 17, 4), True),
            (HdlcAddress(17), METER, False),
            (CLIENT, HdlcAddress(1, 18), False),
            (HdlcAddress(16, 5), METER, False),
        ],
    )
    def test_whose_notifications(self, destination: HdlcAddress, source: HdlcAddress, taken: bool) -> None:
        raw = HdlcFrame(destination, source, control(Kind.UI), ANSWER + b"note").to_bytes()
        assert HdlcFraming(16, METER).feed(raw) == [b"note"] * taken

    def test_a_notification_in_segments(self) -> None:
        link = HdlcFraming(16, METER, limits=LinkLimits(max_message=1000))
        first, middle = said(Kind.UI, ANSWER + b"a", more=True), said(Kind.UI, b"b", more=True)
        last = said(Kind.UI, b"c")
        assert link.feed(first + middle + last) == [b"abc"]
        assert link.feed(middle + last) == []
        broken = bytearray(middle)
        broken[-3] ^= 1
        assert link.feed(first + bytes(broken) + last) == []
        assert link.feed(first + middle * 1000 + last) == []
        assert link.feed(first + last) == [b"ac"]

    @pytest.mark.parametrize(
        ("raw", "why"),
        [
            (said(Kind.DM), "closed the HDLC link"),
            (said(Kind.DISC), "closed the HDLC link"),
            (said(Kind.SNRM), "no frame with control byte 93"),
            (HdlcFrame(CLIENT, METER, 0xFF).to_bytes(), "no frame with control byte FF"),
            (said(Kind.FRMR, Rejection(0x10, too_long=True).to_bytes()), "contents are too long"),
            (said(Kind.RR, receive=2), "acknowledged frames that were never sent"),
            (said(Kind.I, ANSWER, receive=5), "acknowledged frames that were never sent"),
            (said(Kind.I, b"\xe6\xe6\x00x", receive=1), "without the LLC header"),
        ],
    )
    def test_what_a_meter_may_not_say(self, raw: bytes, why: str) -> None:
        link = linked()
        link.wrap(b"x")
        with pytest.raises(RemoteError, match=why) as wrong:
            link.feed(raw)
        assert wrong.value.raw
        assert not link.connected
        assert link.replies() == b""
        for call in (link.on_silence, lambda: link.feed(b"")):
            with pytest.raises(RemoteError, match=why):
                call()

    def test_messages_before_an_error_come_first(self) -> None:
        link = linked()
        link.wrap(b"x")
        assert link.feed(said(Kind.I, ANSWER + b"y", receive=1) + said(Kind.DM)) == [b"y"]
        assert link.replies() == b""
        with pytest.raises(RemoteError, match="closed"):
            link.feed(b"")

    def test_an_endless_message_is_given_up(self) -> None:
        link = linked(limits=LinkLimits(max_message=1000))
        link.wrap(b"x")
        with pytest.raises(RemoteError, match="more than 1000 bytes"):
            for number in range(20):
                link.feed(said(Kind.I, ANSWER + bytes(97), more=True, send=number % 8, receive=1))
                link.replies()

    def test_an_i_frame_without_contents_is_no_message(self) -> None:
        link = waiting(limits=LinkLimits(polls=3))
        for number in range(3):
            assert link.feed(said(Kind.I, send=number, receive=1)) == []
            assert link.on_silence() == asked(Kind.RR, receive=number + 1)
        link.feed(said(Kind.I, send=3, receive=1))
        with pytest.raises(RemoteError, match="stayed busy"):
            link.on_silence()

    @pytest.mark.parametrize("answer", [Kind.UA, Kind.DM])
    def test_the_link_is_closed(self, answer: Kind) -> None:
        link = linked()
        assert link.disconnect() == asked(Kind.DISC)
        assert link.on_silence() == asked(Kind.DISC)
        assert link.feed(said(Kind.I, ANSWER + b"late")) == []
        assert link.feed(said(answer)) == []
        assert not link.connected
        assert (link.disconnect(), link.on_silence()) == (b"", b"")
        assert link.connect() == asked(Kind.SNRM)


def line(parameters: LinkParameters | None = None, limits: LinkLimits | None = None) -> HdlcServerFraming:
    """A line with a meter that a client has a link to."""
    meters = HdlcServerFraming({METER: 7, HdlcAddress(1, 18): 8, HdlcAddress(1): 7}, parameters, limits)
    assert meters.feed(asked(Kind.SNRM, (parameters or LinkParameters()).to_bytes())) == []
    assert Deframer().feed(meters.replies())[0].kind is Kind.UA
    return meters


def frames(raw: bytes) -> list[tuple[Kind | None, int]]:
    return [(frame.kind, frame.receive) for frame in Deframer().feed(raw)]


class TestMeters:
    def test_each_answers_at_its_address_and_nobody_elsewhere(self) -> None:
        meters = line()
        neighbour = HdlcAddress(1, 18)
        meters.feed(HdlcFrame(neighbour, CLIENT, control(Kind.SNRM)).to_bytes())
        assert Deframer().feed(meters.replies())[0].source == neighbour
        for address in (HdlcAddress(1, 19), HdlcAddress(2), HdlcAddress(0x7F), HdlcAddress(1, 0x7F)):
            assert meters.feed(HdlcFrame(address, CLIENT, control(Kind.SNRM)).to_bytes()) == []
            assert meters.replies() == b""
        two_bytes = HdlcFrame(METER, HdlcAddress(16, 1), control(Kind.SNRM)).to_bytes()
        assert (meters.feed(two_bytes), meters.replies()) == ([], b"")
        raw = HdlcFrame(neighbour, CLIENT, control(Kind.I), ASK + b"x").to_bytes()
        assert meters.feed(raw) == [Heard(16, 8, b"x")]
        meters.wrap(16, 8, b"y")
        assert Deframer().feed(meters.replies())[0].source == neighbour

    def test_a_meter_with_two_addresses_has_one_link_to_a_client(self) -> None:
        meters = line()
        short = HdlcAddress(1)
        meters.feed(HdlcFrame(short, CLIENT, control(Kind.RR)).to_bytes())
        assert frames(meters.replies()) == [(Kind.DM, 0)]
        assert meters.feed(HdlcFrame(short, CLIENT, control(Kind.SNRM)).to_bytes()) == [Parted(16, 7)]
        assert Deframer().feed(meters.replies())[0].source == short
        meters.feed(asked(Kind.RR))
        assert frames(meters.replies()) == [(Kind.DM, 0)]

    def test_without_a_link_a_meter_says_so(self) -> None:
        meters = HdlcServerFraming({METER: 1})
        for kind in (Kind.I, Kind.RR, Kind.DISC):
            assert meters.feed(asked(kind)) == []
            assert meters.replies() == said(Kind.DM)
        assert meters.feed(asked(Kind.RR, final=0)) == []
        assert meters.wrap(16, 1, b"to nobody") + meters.replies() == b""

    def test_snrm_and_disc_end_what_stood_on_the_link(self) -> None:
        meters = line()
        assert meters.feed(asked(Kind.SNRM)) == [Parted(16, 7)]
        meters.replies()
        assert meters.feed(asked(Kind.DISC)) == [Parted(16, 7)]
        meters.wrap(16, 7, b"too late")
        assert meters.replies() == said(Kind.UA)

    def test_a_quiet_line_closes_its_links(self) -> None:
        meters = line()
        meters.feed(asked(Kind.I, bytes(100))[:30])
        assert meters.on_silence() == [Parted(16, 7)]
        assert meters.feed(asked(Kind.RR)) == []
        assert meters.replies() == said(Kind.DM)

    def test_only_so_many_links(self) -> None:
        meters = HdlcServerFraming({METER: 1})
        for client in range(1, MAX_LINKS + 2):
            meters.feed(HdlcFrame(METER, HdlcAddress(client), control(Kind.SNRM)).to_bytes())
        kinds = [kind for kind, _ in frames(meters.replies())]
        assert kinds == [Kind.UA] * MAX_LINKS + [Kind.DM]

    def test_who_asks_without_listening_is_not_answered_for_ever(self) -> None:
        meters = HdlcServerFraming({METER: 1})
        meters.feed(asked(Kind.DISC) * 1000)
        assert len(meters.replies()) < MAX_OWED + 12
        meters.feed(asked(Kind.DISC))
        assert meters.replies() == said(Kind.DM)

    def test_parameters_that_are_none_are_refused(self) -> None:
        meters = HdlcServerFraming({METER: 1})
        meters.feed(asked(Kind.SNRM, b"\x81\x80\x01"))
        assert meters.replies() == said(Kind.DM)

    def test_a_meter_without_an_answer_says_rr_and_a_busy_one_rnr(self) -> None:
        meters = line()
        assert meters.feed(asked(Kind.I, ASK + b"x")) == [Heard(16, 7, b"x")]
        assert meters.replies() == said(Kind.RR, receive=1)
        assert meters.wrap(16, 7, b"y") == b""
        meters.busy = True
        meters.feed(asked(Kind.I, ASK + b"z", send=1))
        assert meters.replies() == said(Kind.I, ANSWER + b"y", receive=1)
        meters.feed(asked(Kind.I, ASK + b"z", send=1, receive=1))
        assert meters.replies() == said(Kind.RNR, receive=1)
        meters.busy = False
        assert meters.feed(asked(Kind.I, ASK + b"z", send=1, receive=1)) == [Heard(16, 7, b"z")]

    def test_a_turn_once_given_stays_given(self) -> None:
        meters = line()
        meters.feed(asked(Kind.RR) + asked(Kind.I, ASK, more=True, final=0))
        assert meters.replies() == said(Kind.RR, receive=1)
        assert meters.replies() == b""

    def test_a_busy_client_hears_no_i_frames(self) -> None:
        meters = line()
        meters.feed(asked(Kind.I, ASK + b"x", final=0) + asked(Kind.RNR))
        assert meters.wrap(16, 7, b"y") == b""
        assert meters.replies() == said(Kind.RR, receive=1)
        meters.feed(asked(Kind.RR))
        assert meters.replies() == said(Kind.I, ANSWER + b"y", receive=1)

    def test_a_question_repeated_is_answered_again_but_heard_once(self) -> None:
        meters = line()
        question = asked(Kind.I, ASK + b"x")
        assert meters.feed(question) == [Heard(16, 7, b"x")]
        meters.wrap(16, 7, b"y")
        answer = meters.replies()
        assert meters.feed(question) == []
        assert meters.replies() == answer
        assert meters.feed(asked(Kind.REJ)) == []
        assert meters.replies() == answer

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (asked(Kind.RR, receive=3), {"bad_number": True}),
            (asked(Kind.I, bytes(129)), {"too_long": True}),
            (asked(Kind.RR, b"x"), {"with_info": True}),
            (HdlcFrame(METER, CLIENT, 0xFF).to_bytes(), {"unknown": True}),
        ],
    )
    def test_what_a_client_may_not_say(self, raw: bytes, reason: dict[str, bool]) -> None:
        meters = line()
        octet = Deframer().feed(raw)[0].control
        rejected = said(Kind.FRMR, Rejection(octet, **reason).to_bytes())
        assert meters.feed(raw) == []
        assert meters.replies() == rejected
        assert meters.feed(asked(Kind.I, ASK + b"x")) == []
        meters.wrap(16, 7, b"y")
        assert meters.replies() == rejected
        assert meters.feed(asked(Kind.SNRM)) == [Parted(16, 7)]
        assert frames(meters.replies())[0][0] is Kind.UA

    def test_an_endless_question_is_rejected(self) -> None:
        meters = line(limits=LinkLimits(max_message=300))
        for number in range(2):
            meters.feed(asked(Kind.I, ASK + bytes(125), more=True, send=number))
            assert meters.replies() == said(Kind.RR, receive=number + 1)
        meters.feed(asked(Kind.I, bytes(128), more=True, send=2))
        assert frames(meters.replies())[0][0] is Kind.FRMR
        with pytest.raises(LocalError, match="wait for client 16"):
            line(limits=LinkLimits(max_message=300)).wrap(16, 7, bytes(301))

    def test_a_message_for_another_layer_is_acknowledged_only(self) -> None:
        meters = line()
        assert meters.feed(asked(Kind.I, b"\xff\xff\x00x")) == []
        assert meters.replies() == said(Kind.RR, receive=1)

    def test_unnumbered_messages_are_heard_not_answered(self) -> None:
        meters = line()
        assert meters.feed(asked(Kind.UI, ASK + b"x")) == [Heard(16, 7, b"x", confirmed=False)]
        everybody = HdlcFrame(HdlcAddress(0x7F, 0x7F), CLIENT, control(Kind.UI, final=False), ASK + b"x")
        assert meters.feed(everybody.to_bytes()) == [
            Heard(16, 7, b"x", confirmed=False),
            Heard(16, 8, b"x", confirmed=False),
        ]
        assert meters.replies() == b""
        assert meters.feed(asked(Kind.UI, ASK + b"lo", more=True)) == []
        assert meters.feed(asked(Kind.UI, b"ng")) == [Heard(16, 7, b"long", confirmed=False)]
        for client in range(1, 2 * MAX_NOTICES):
            raw = HdlcFrame(METER, HdlcAddress(client), control(Kind.UI), ASK + b"x").to_bytes()
            assert len(meters.feed(raw)) == 1

    def test_a_notification_goes_in_unnumbered_frames(self) -> None:
        meters = line()
        (frame,) = Deframer().feed(meters.notify(16, 7, b"note"))
        assert (frame.kind, frame.final, frame.source, frame.info) == (Kind.UI, True, METER, ANSWER + b"note")
        long = bytes(range(256)) * 2
        pieces = Deframer().feed(meters.notify(16, 8, long))
        assert [(piece.segmented, piece.final) for piece in pieces] == [(True, False)] * 4 + [(False, True)]
        assert HdlcFraming(16, HdlcAddress(1, 18)).feed(meters.notify(16, 8, long)) == [long]

    def test_several_answers_go_in_one_turn(self) -> None:
        """As a meter sends blocks of a long answer, one after the other, without being asked for each."""
        for window in (1, 3):
            parameters = LinkParameters(128, 128, window, window)
            meters, link = line(parameters), linked(window)
            (question,) = meters.feed(link.wrap(b"x"))
            assert question == Heard(16, 7, b"x")
            for piece in (b"a", b"b", b"c", b"d"):
                meters.wrap(16, 7, piece)
            got: list[bytes] = []
            turns = 0
            while len(got) < 4:
                got += link.feed(meters.replies())
                meters.feed(link.replies(awaiting=len(got) < 4))
                turns += 1
            assert got == [b"a", b"b", b"c", b"d"]
            assert turns == (4 if window == 1 else 2)
            assert (link.replies(), link.pause_s) == (b"", None)

    def test_noise_is_refused(self) -> None:
        with pytest.raises(RemoteError, match="without a frame"):
            line(limits=LinkLimits(max_noise=50)).feed(bytes(100))
