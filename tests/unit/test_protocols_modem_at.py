"""AT modems: dialling, calls that do not come about, guard times, the end of a call."""

import pytest

from protocols.errors import LocalError
from protocols.modem.at import (
    HOLD_S,
    AtDialogue,
    CallFailed,
    CallSettings,
    Carried,
    Connected,
    HungUp,
    Lost,
    Send,
    State,
)

NUMBER = "0912345678"


def dialled(settings: CallSettings | None = None) -> AtDialogue:
    """A modem that has been told to dial, without an echo."""
    modem = AtDialogue(settings)
    modem.dial(NUMBER)
    while modem.state is State.COMMANDS:
        modem.receive(b"\r\nOK\r\n")
    return modem


def online(settings: CallSettings | None = None) -> AtDialogue:
    modem = dialled(settings)
    modem.receive(b"\r\nCONNECT 9600\r\n")
    return modem


def test_a_call_from_reset_to_connect_with_the_modem_s_echo() -> None:
    modem = AtDialogue(CallSettings(commands=("AT+CBST=71,0,1",)))
    assert modem.dial(NUMBER) == [Send(b"ATZ\r")]
    assert modem.next_timeout() == 5.0
    assert modem.receive(b"ATZ\r\r\nOK\r\n") == [Send(b"ATE0\r")]
    assert modem.receive(b"ATE0\r\r\nOK\r\n") == [Send(b"AT+CBST=71,0,1\r")]
    assert modem.receive(b"\r\n+CREG: 1\r\n\r\nOK\r\n") == [Send(b"ATD0912345678\r")]
    assert (modem.state, modem.next_timeout()) == (State.DIALLING, 60.0)
    assert modem.receive(b"ATD0912345678\r\r\nRING\r\n\r\nOK\r\n") == []
    assert modem.receive(b"\r\nCONNECT 9600\r\n\x02data") == [Connected(9600), Carried(b"\x02data")]
    assert modem.online
    assert modem.next_timeout() is None


def test_the_echo_may_stay_and_connect_may_say_no_speed() -> None:
    modem = AtDialogue(CallSettings(echo_off="", reset="AT&F", dial="ATDT"))
    assert modem.dial("+84 912"[:3] + "912") == [Send(b"AT&F\r")]
    assert modem.receive(b"OK\r") == [Send(b"ATDT+84912\r")]
    assert modem.receive(b"\nCONNECT\r") == [Connected(None)]
    assert modem.receive(b"\n/X") == [Carried(b"/X")]


@pytest.mark.parametrize(
    ("said", "result", "why"),
    [
        (b"\r\nBUSY\r\n", "BUSY", "engaged"),
        (b"\r\nNO ANSWER\r\n", "NO ANSWER", "nobody answers"),
        (b"\r\nNO CARRIER\r\n", "NO CARRIER", "no connection came about"),
        (b"\r\nNOCARRIER\r\n", "NO CARRIER", "no connection came about"),
        (b"\r\nNO DIAL TONE\r\n", "NO DIALTONE", "no line"),
        (b"\r\nERROR\r\n", "ERROR", "does not know the command"),
        (b"\r\n+CME ERROR: 10\r\n", "+CME ERROR: 10", r"says \+CME ERROR: 10"),
    ],
)
def test_calls_that_do_not_come_about(said: bytes, result: str, why: str) -> None:
    modem = dialled()
    with pytest.raises(CallFailed, match=f"{NUMBER}: .*{why}") as failed:
        modem.receive(said)
    assert failed.value.result == result
    assert failed.value.raw
    with pytest.raises(LocalError, match="broken"):
        modem.receive(b"")


def test_a_command_the_modem_does_not_know() -> None:
    modem = AtDialogue()
    modem.dial(NUMBER)
    modem.receive(b"OK\r\n")
    with pytest.raises(CallFailed, match="ATE0: the modem does not know the command"):
        modem.receive(b"ERROR\r\n")


def test_silence_while_setting_up_and_while_dialling() -> None:
    modem = AtDialogue()
    modem.dial(NUMBER)
    with pytest.raises(CallFailed, match="does not answer ATZ"):
        modem.expired()
    modem = dialled(CallSettings(connect_seconds=60.0))
    with pytest.raises(CallFailed, match="did not connect within 60 s"):
        modem.expired()


def test_a_wait_begins_with_a_turn_and_what_comes_does_not_prolong_it() -> None:
    modem = AtDialogue()
    modem.dial(NUMBER)
    turn = modem.turn
    modem.receive(b"ATZ\r\r\n")
    assert modem.turn == turn
    modem.receive(b"OK\r\n")
    assert modem.turn == turn + 1


def test_hanging_up_keeps_the_guard_times() -> None:
    modem = online()
    assert modem.hang_up() == []
    assert (modem.state, modem.next_timeout()) == (State.GUARD_BEFORE, 1.5)
    assert modem.receive(b"what the meter still said\r\n\r\nOK\r\n") == []
    assert modem.expired() == [Send(b"+++")]
    assert (modem.state, modem.next_timeout()) == (State.GUARD_AFTER, 1.5)
    assert modem.expired() == []
    assert (modem.state, modem.next_timeout()) == (State.ESCAPING, 5.0)
    assert modem.receive(b"\r\nOK\r\n") == [Send(b"ATH\r")]
    assert modem.next_timeout() == 5.0
    assert modem.receive(b"\r\nOK\r\n") == [HungUp()]
    assert modem.idle
    assert modem.next_timeout() is None
    assert modem.receive(b"\r\nRING\r\n") == []
    assert modem.dial(NUMBER) == [Send(b"ATZ\r")]


def test_a_modem_that_confirms_early_late_or_not_at_all() -> None:
    early = online()
    early.hang_up()
    early.expired()
    assert early.receive(b"OK\r\n") == [Send(b"ATH\r")]
    assert early.receive(b"NO CARRIER\r\n") == [HungUp()]
    never = online()
    never.hang_up()
    assert never.expired() == [Send(b"+++")]
    never.expired()
    assert never.expired() == [Send(b"ATH\r")]
    assert never.expired() == [HungUp()]
    gone = online()
    gone.hang_up()
    assert gone.receive(b"\r\nNO CARRIER\r\n") == [HungUp()]


def test_the_other_side_may_talk_for_ever_while_we_hang_up() -> None:
    modem = online()
    modem.hang_up()
    modem.expired()
    for _ in range(100):
        assert modem.receive(b"\x02" * 1000) == []
    assert modem.receive(b"\r\nOK\r\n") == [Send(b"ATH\r")]


@pytest.mark.parametrize("step", [1, 2, 5, 100])
def test_no_carrier_among_the_data_ends_the_call(step: int) -> None:
    modem = online()
    said = b"1.8.0(NO CARRIER)\r\nNO CARRIE!\r\nend\r\nNO CARRIER\r\nmore"
    events = [event for at in range(0, len(said), step) for event in modem.receive(said[at : at + step])]
    carried = b"".join(event.raw for event in events if isinstance(event, Carried))
    assert carried == b"1.8.0(NO CARRIER)\r\nNO CARRIE!\r\nend\r\n"
    assert events[-1] == Lost()
    assert modem.idle


def test_a_call_lost_before_anything_was_said() -> None:
    assert dialled().receive(b"\r\nCONNECT\r\nNO CARRIER\r\n") == [Connected(None), Lost()]


def test_what_may_begin_the_words_is_held_a_moment() -> None:
    modem = online()
    assert modem.receive(b"data\r\n") == [Carried(b"data\r\n")]
    assert modem.next_timeout() is None
    turn = modem.turn
    assert modem.receive(b"NO CAR") == []
    assert modem.turn == turn + 1
    assert modem.next_timeout() == HOLD_S
    assert modem.expired() == [Carried(b"NO CAR")]
    assert modem.receive(b"RIER\r\n") == [Carried(b"RIER\r\n")]
    assert modem.next_timeout() is None


def test_where_payloads_hold_these_words_they_may_be_left_alone() -> None:
    modem = online(CallSettings(recognise_loss=False))
    assert modem.receive(b"\r\nNO CARRIER\r\n") == [Carried(b"\r\nNO CARRIER\r\n")]
    assert modem.send(b"x") == [Send(b"x")]
    assert modem.receive(b"") == []


def test_what_may_not_be_asked_now() -> None:
    modem = AtDialogue()
    for call in (modem.hang_up, lambda: modem.send(b"x")):
        with pytest.raises(LocalError, match="no call"):
            call()
    for number in ("", "1\r", "call me", "1" * 41):
        with pytest.raises(LocalError, match="no telephone number"):
            modem.dial(number)
    with pytest.raises(LocalError, match="no call can be made now"):
        dialled().dial(NUMBER)


def test_a_line_without_end_is_no_modem() -> None:
    modem = AtDialogue()
    modem.dial(NUMBER)
    with pytest.raises(CallFailed, match="line without end"):
        modem.receive(b"x" * 300)
