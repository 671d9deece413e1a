"""IEC 62056-21 mode C: both halves of a conversation, what each will not take, and how often it tries."""

import pytest

from protocols.errors import DecodeError, LocalError, PasswordRefused, RemoteError
from protocols.iec62056_21.characters import Parity, with_parity
from protocols.iec62056_21.client import ClientSettings, ModeCClient
from protocols.iec62056_21.client_states import State
from protocols.iec62056_21.data_sets import DataSet
from protocols.iec62056_21.events import (
    Admitted,
    Answered,
    Challenged,
    ChangeBaud,
    Event,
    Failed,
    Identified,
    Pause,
    ReadOut,
    Send,
    Step,
    Written,
)
from protocols.iec62056_21.framer import Framer
from protocols.iec62056_21.identification import Identification
from protocols.iec62056_21.messages import Command, Data, OptionSelect, SignOn
from protocols.iec62056_21.server import Denied, Lines, MeterSettings, ModeCServer

WHO = Identification("DKE", "5", "TEST", ("@",))
ROWS = [DataSet("P.01", ("0261120003000", "00", "30", "1", "1.29.0", "kWh"))] + [
    DataSet("", (f"0.{at:03d}",)) for at in range(20)
]


class Book:
    """One meter's book: two values, a profile of 20 rows, and a clock that may be set."""

    def __init__(self) -> None:
        self.written: list[tuple[str, tuple[str, ...]]] = []

    def read_out(self, letter: str) -> Lines:
        value = "000012.345*kWh" if letter == "?" else "000067.890*kWh"
        return [[DataSet("1.8.0", (value,))], [DataSet("0.0.0", ("12345678",))]]

    def read(self, address: str, arguments: tuple[str, ...]) -> Lines | Denied:
        if address == "P.01":
            return [[row] for row in ROWS]
        return [[DataSet(address, ("1",))]] if address == "1.8.0" else Denied("ERROR00")

    def write(self, address: str, values: tuple[str, ...]) -> Denied | None:
        self.written.append((address, values))
        return None if address == "0.9.1" else Denied("ERROR04")


def meter(
    *, password: str = "", parity: Parity = Parity.NONE, who: Identification = WHO, paced: bool = False
) -> ModeCServer:
    settings = MeterSettings(who, {"1": password} if password else {}, operand="0001", paced=paced)
    return ModeCServer({"12345678": (settings, Book())}, parity)


class Talk:
    """A client and a meter on one line; `steps` are all that either wanted done besides sending."""

    def __init__(self, client: ModeCClient, server: ModeCServer) -> None:
        self.client, self.server = client, server
        self.steps: list[Step] = []

    def __call__(self, steps: list[Step] | list[Event]) -> list[Event]:
        """What the client learns when these steps are done."""
        learned: list[Event] = []
        for step in steps:
            if isinstance(step, Send):
                for answer in self.server.receive(step.raw):
                    if isinstance(answer, Send):
                        learned += self(self.client.receive(answer.raw))
                    else:
                        self.steps.append(answer)
            elif isinstance(step, Pause | ChangeBaud):
                self.steps.append(step)
            else:
                learned.append(step)
        return learned


def talk(settings: ClientSettings | None = None, server: ModeCServer | None = None) -> Talk:
    return Talk(ModeCClient(settings or ClientSettings()), server or meter())


def ready(settings: ClientSettings | None = None) -> ModeCClient:
    """A client in programming mode, past the password."""
    client = ModeCClient(settings or ClientSettings())
    client.sign_on()
    client.receive(b"/DKE5TEST\r\n")
    client.program()
    client.receive(Command("P0", "(0001)").to_bytes())
    return client


def test_a_read_out_and_the_speeds_it_goes_through() -> None:
    line = talk(ClientSettings(address="12345678"))
    assert line(line.client.sign_on()) == [Identified(WHO)]
    (out,) = line(line.client.read_out())
    assert isinstance(out, ReadOut)
    assert [str(each) for each in out.sets] == ["1.8.0(000012.345*kWh)", "0.0.0(12345678)"]
    assert line.client.state is State.DONE
    assert line.client.next_timeout() is None
    line(line.client.sign_off())
    assert line.steps == [ChangeBaud(9600), ChangeBaud(9600), ChangeBaud(300), ChangeBaud(300)]
    assert line(line.client.sign_on()) == [Identified(WHO)]


def test_another_list_and_a_lower_speed() -> None:
    line = talk(ClientSettings(letter="2", baud="3"))
    line(line.client.sign_on())
    (out,) = line(line.client.read_out())
    assert isinstance(out, ReadOut)
    assert out.sets[0].value() == ("000067.890", "kWh")
    assert line.steps == [ChangeBaud(2400), ChangeBaud(2400)]


def test_programming_with_a_password_reading_in_blocks_and_writing() -> None:
    line = talk(server=meter(password="12345678"))
    line(line.client.sign_on())
    assert line(line.client.program()) == [Challenged("0001")]
    assert isinstance(line(line.client.read("1.8.0"))[0], Failed)
    assert line(line.client.password("12345678")) == [Admitted()]
    (value,) = line(line.client.read("1.8.0"))
    assert value == Answered((DataSet("1.8.0", ("1",)),), b"1.8.0(1)")
    (whole,) = line(line.client.read("P.01", command="R5"))
    (pieces,) = line(line.client.read("P.01", ";;7", command="R6"))
    (usual,) = line(line.client.read("P.01", command="R6"))
    assert whole == pieces == usual
    assert isinstance(whole, Answered)
    assert list(whole.sets) == ROWS
    assert line(line.client.write("0.9.1", "101500")) == [Written()]
    (denied,) = line(line.client.write("9.9.9", "1", command="W5"))
    assert isinstance(denied, Failed)
    assert denied.error.reason == "the meter refused 9.9.9: ERROR04"
    (unknown,) = line(line.client.read("9.9.9"))
    assert isinstance(unknown, Failed)
    assert line(line.client.sign_off()) == []
    assert line.server.receive(SignOn().to_bytes()) == [Send(WHO.to_bytes())]


def test_a_wrong_password_is_said_once() -> None:
    line = talk(server=meter(password="12345678"))
    line(line.client.sign_on())
    line(line.client.program())
    with pytest.raises(PasswordRefused, match="ERROR04"):
        line(line.client.password("87654321"))
    with pytest.raises(LocalError, match="broken"):
        line.client.receive(b"")
    assert "87654321" not in repr(Command("P1", "(87654321)")) + repr(ClientSettings(password="87654321"))


@pytest.mark.parametrize(
    "said", [b"\x15\x15", Command("B0").to_bytes(), Data(b"(ER10)").to_bytes()], ids=["nak", "b0", "error"]
)
def test_the_ways_a_password_is_refused(said: bytes) -> None:
    client = ready()
    client.password("1")
    with pytest.raises(PasswordRefused):
        client.receive(said)


def test_a_meter_that_asks_for_repetition_gets_it_so_often_and_no_more() -> None:
    client = ready()
    (asked,) = client.read("1.8.0")
    assert client.receive(b"\x15\x15\x15") == [asked] * 3
    (failed,) = client.receive(b"\x15")
    assert isinstance(failed, Failed)
    assert "again and again" in failed.error.reason
    client.read("1.8.0")  # the conversation goes on
    opening = ModeCClient(ClientSettings(repeats=1))
    opening.sign_on()
    opening.receive(b"/DKE5TEST\r\n")
    opening.program()
    opening.receive(b"\x15")
    with pytest.raises(RemoteError, match="asked for a repetition 2 times"):
        opening.receive(b"\x15")


def test_a_damaged_answer_is_asked_for_again_so_often_and_no_more() -> None:
    client = ready()
    client.read("1.8.0")
    whole = Data(b"1.8.0(5*kWh)").to_bytes()
    bad = whole[:-1] + bytes((whole[-1] ^ 1,))
    assert client.receive(bad) == [Send(b"\x15")]
    assert isinstance(client.receive(whole)[0], Answered)
    client.read("1.8.0")
    assert client.receive(bad * 3) == [Send(b"\x15")] * 3
    with pytest.raises(RemoteError, match="came damaged 4 times"):
        client.receive(bad)


def test_a_meter_repeats_what_it_said_so_often_and_no_more() -> None:
    server = meter()
    (identified,) = server.receive(b"/?!\r\n")
    # What follows an identification is ACK and a choice: a NAK there is a repetition asked for.
    assert server.receive(b"\x15\x15\x15\x15") == [identified] * 3
    _, out = server.receive(b"\x06050\r\n")
    assert server.receive(b"\x15") == [out]
    assert server.receive(b"\x06") == [ChangeBaud(300)]
    assert server.receive(b"\x15\x06") == []


def test_a_meter_asks_again_for_a_damaged_command() -> None:
    server = meter()
    server.receive(b"/?!\r\n\x06051\r\n")
    whole = Command("R5", "1.8.0()").to_bytes()
    assert server.receive(whole[:-1] + b"!") == [Send(b"\x15")]
    assert server.receive(whole) == [Send(Data(b"1.8.0(1)").to_bytes())]


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (Command("R7", "1.8.0()"), b"(ERROR01)"),
        (Command("R5", "1.8.0()2.8.0()"), b"(ERROR00)"),
        (Command("R5", "1.8.0"), b"(ERROR00)"),
        (Command("R5"), b"(ERROR00)"),
        (Command("E2", "0.9.9(1)"), b"(ERROR04)"),
    ],
)
def test_commands_a_meter_does_not_take(command: Command, answer: bytes) -> None:
    server = meter()
    server.receive(b"/?!\r\n\x06051\r\n")
    assert server.receive(command.to_bytes()) == [Send(Data(answer).to_bytes())]


def test_a_meter_hangs_up_on_the_third_wrong_password() -> None:
    server = meter(password="1")
    server.receive(b"/?!\r\n\x06051\r\n")
    wrong = Command("P1", "(2)").to_bytes()
    assert server.receive(wrong + wrong) == [Send(Data(b"(ERROR04)").to_bytes())] * 2
    assert server.receive(wrong) == [Send(Command("B0").to_bytes()), ChangeBaud(300)]
    assert server.receive(Command("R5", "1.8.0()").to_bytes()) == []


def test_who_is_meant_and_who_is_not() -> None:
    server = meter()
    assert server.receive(b"/?99999999!\r\n") == []
    assert server.receive(b"/?0012345678!\r\n") == [Send(WHO.to_bytes())]
    both = ModeCServer({"1": (MeterSettings(WHO), Book()), "2": (MeterSettings(WHO), Book())})
    assert both.receive(b"/?!\r\n") == []
    assert both.receive(b"/?2!\r\n") == [Send(WHO.to_bytes())]


def test_a_meter_is_not_put_off_by_noise() -> None:
    server = meter()
    assert server.receive(b"\x01R5\x02cut off /?!\r\n") == [Send(WHO.to_bytes())]
    server.silence()
    noise = b"\xff\x07\x00\r\nx/" + b"y" * 120 + b"\x01Z9\x03\x00\x01" + b"\x02" * 5000
    assert [step for step in server.receive(noise) if not isinstance(step, Send)] == []
    assert server.receive(b"/?!\r\n\x06951\r\n") == [Send(WHO.to_bytes())]
    assert server.receive(b"/?!\r\n\x06 no option\r\n\x06052\r\n") == [Send(WHO.to_bytes())]
    assert server.receive(b"/?!\r\n") == [Send(WHO.to_bytes())]
    assert server.next_timeout() == 60.0
    server.receive(b"\x06050\r\n")
    assert server.silence() == [ChangeBaud(300)]
    assert server.next_timeout() is None


def test_parity_bits_over_a_line_of_eight() -> None:
    line = talk(ClientSettings(parity=Parity.EVEN), meter(parity=Parity.EVEN))
    (asked,) = line.client.sign_on()
    assert asked == Send(bytes((175, 63, 33, 141, 10)))
    assert line([asked]) == [Identified(WHO)]
    assert isinstance(line(line.client.read_out())[0], ReadOut)


def test_parity_that_does_not_fit_is_said() -> None:
    plain = ModeCClient(ClientSettings())
    plain.sign_on()
    with pytest.raises(DecodeError, match="parity=even"):
        plain.receive(with_parity(WHO.to_bytes(), Parity.EVEN))
    even = ModeCClient(ClientSettings(parity=Parity.EVEN))
    even.sign_on()
    with pytest.raises(DecodeError, match="speed and the parity"):
        even.receive(WHO.to_bytes())
    client = ready(ClientSettings(parity=Parity.IGNORED))
    client.read("1.8.0")
    damaged = bytearray(with_parity(Data(b"1.8.0(1)").to_bytes(), Parity.EVEN))
    damaged[3] ^= 0x80
    assert isinstance(client.receive(bytes(damaged))[0], Answered)


def test_one_wrong_parity_bit_damages_a_block() -> None:
    client = ModeCClient(ClientSettings(parity=Parity.EVEN))
    client.sign_on()
    client.receive(with_parity(b"/DKE5TEST\r\n", Parity.EVEN))
    client.read_out()
    block = bytearray(with_parity(Data(b"1.8.0(1*kWh)\r\n!\r\n").to_bytes(), Parity.EVEN))
    block[8] ^= 0x80
    assert client.receive(bytes(block)) == [Send(b"\x95")]
    block[8] ^= 0x80
    assert isinstance(client.receive(bytes(block))[0], ReadOut)


def test_waking_up_and_keeping_the_reaction_time() -> None:
    client = ModeCClient(ClientSettings(wake_up=True, paced=True))
    zeros, pause, reaction, request = client.sign_on()
    assert zeros == Send(bytes(66))
    assert (pause, reaction, request) == (Pause(1.6), Pause(0.2), Send(b"/?!\r\n"))
    client.receive(b"/DKe5QUICK\r\n")
    assert client.read_out() == [Pause(0.02), Send(b"\x06050\r\n"), ChangeBaud(9600)]
    server = meter(paced=True)
    assert server.receive(bytes(66) + b"/?!\r\n") == [Pause(0.2), Send(WHO.to_bytes())]


def test_meters_of_mode_a_and_b_go_on_by_themselves() -> None:
    out = Data(b"1.8.0(1*kWh)\r\n!\r\n").to_bytes()
    a, b = ModeCClient(ClientSettings()), ModeCClient(ClientSettings())
    for client in (a, b):
        client.sign_on()
    found = a.receive(b"/DKEXOLD\r\n" + out)
    assert [type(event) for event in found] == [Identified, ReadOut]
    found = b.receive(b"/DKEEOLD\r\n")
    assert found[1:] == [ChangeBaud(9600)]
    assert isinstance(b.receive(out)[0], ReadOut)
    reserved = ModeCClient(ClientSettings())
    reserved.sign_on()
    with pytest.raises(RemoteError, match="speed 'H'"):
        reserved.receive(b"/DKEHOLD\r\n")


def test_a_speed_with_no_meaning() -> None:
    client = ModeCClient(ClientSettings())
    client.sign_on()
    client.receive(b"/DKE9NEW\r\n")
    with pytest.raises(LocalError, match="say baud=0 to 6"):
        client.read_out()
    slow = ModeCClient(ClientSettings(baud="0"))
    slow.sign_on()
    slow.receive(b"/DKE9NEW\r\n")
    assert slow.read_out() == [Send(b"\x06000\r\n")]
    for baud in ("7", "A", "55"):
        with pytest.raises(LocalError, match="no speed of mode C"):
            ClientSettings(baud=baud)


def test_what_may_not_be_asked_now() -> None:
    client = ModeCClient(ClientSettings())
    assert client.next_timeout() is None
    for call in (client.read_out, client.program, client.sign_off, lambda: client.read("1.8.0")):
        with pytest.raises(LocalError, match="not possible now"):
            call()
    with pytest.raises(LocalError, match="device address"):
        ModeCClient(ClientSettings(address="1/2")).sign_on()
    assert client.next_timeout() is None
    client.sign_on()
    assert client.next_timeout() == 10.0
    with pytest.raises(LocalError):
        client.sign_on()
    with pytest.raises(LocalError, match="no command"):
        ready().read("1.8.0\x03")
    with pytest.raises(LocalError, match="no command"):
        ready().read("số")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"\x06\x06", "Acknowledged was not expected"),
        (WHO.to_bytes() * 2, "Line was not expected"),
        (Command("B0").to_bytes(), "has ended the conversation"),
        (Command("R1", "()").to_bytes(), "gives command R1"),
        (Data(b"2.8.0(1)").to_bytes(), "an answer about 2.8.0 came, 1.8.0 was asked"),
        (Data(b"", last=False).to_bytes(), "nothing in it"),
        (b"\x02\xc4\xc5\x03\x00" * 4, "came damaged 4 times"),
        (b"hello", "no message begins with b'hello'"),
        (b"/" + b"x" * 120, "a line that does not end"),
        (b"\x01B0\x04v", "announces another block"),
        (b"\x01Z9\x03`", "no command like R5"),
    ],
)
def test_a_meter_that_says_what_it_may_not(said: bytes, why: str) -> None:
    client = ready()
    client.read("1.8.0")
    with pytest.raises(RemoteError, match=why):
        client.receive(said)
    assert client.state is State.BROKEN


def test_answers_without_an_address_and_other_ways_to_write_one() -> None:
    client = ready()
    for asked, answer in (("1.8.0", b"(5*kWh)"), ("1-0:1.8.0*255", b"1.8.0(5*kWh)"), ("507", b"507(00FF)")):
        client.read(asked)
        assert isinstance(client.receive(Data(answer).to_bytes())[0], Answered)
    client.read("1.8.0")
    assert client.receive(Data(b"").to_bytes()) == [Answered((), b"")]
    client.read("1.8.0")
    assert isinstance(client.receive(Data(b"1.8.0(ERR3)").to_bytes())[0], Failed)
    client.read("1.8.0")
    assert isinstance(client.receive(b"\x06")[0], Failed)
    client.write("0.9.1", "1")
    with pytest.raises(RemoteError, match="a confirmation was due"):
        client.receive(Data(b"(1)").to_bytes())


def test_a_meter_that_does_not_open() -> None:
    client = ModeCClient(ClientSettings())
    client.sign_on()
    client.receive(WHO.to_bytes())
    client.program()
    with pytest.raises(RemoteError, match="programming mode: ERR2"):
        client.receive(Data(b"(ERR2)").to_bytes())
    client = ModeCClient(ClientSettings())
    client.sign_on()
    client.receive(WHO.to_bytes())
    client.read_out()
    (failed,) = client.receive(Data(b"(ERROR04)").to_bytes())
    assert isinstance(failed, Failed)
    client = ModeCClient(ClientSettings())
    client.sign_on()
    client.receive(WHO.to_bytes())
    client.read_out()
    (failed,) = client.receive(Data(b"1.8.0(1)\r\n").to_bytes())
    assert isinstance(failed, Failed)
    assert "without the !" in failed.error.reason


def test_an_answer_that_came_whole_and_makes_no_sense_ends_nothing() -> None:
    client = ready()
    client.read("1.8.0")
    (failed,) = client.receive(Data(b"1.8.0 1").to_bytes())
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, DecodeError)
    assert failed.error.raw == b"1.8.0 1"
    client.read("1.8.0")
    assert isinstance(client.receive(Data(b"1.8.0(1)").to_bytes())[0], Answered)
    client.write("0.9.1", "1")
    with pytest.raises(RemoteError, match="a confirmation was due"):
        client.receive(Data(b"1.8.0 1").to_bytes())


def test_what_a_meter_says_after_a_sign_off_means_nothing() -> None:
    client = ready()
    client.sign_off()
    assert client.receive(Command("B0").to_bytes() + b"\x06") == []
    assert client.state is State.DONE
    client.sign_on()
    assert client.receive(WHO.to_bytes()) == [Identified(WHO)]


def test_an_answer_has_bounds() -> None:
    client = ready(ClientSettings(max_answer_bytes=100))
    client.read("P.01", command="R6")
    block = Data(b"(" + b"1" * 60 + b")\r\n", last=False).to_bytes()
    assert client.receive(block) == [Send(b"\x06")]
    with pytest.raises(RemoteError, match="more than 100 bytes"):
        client.receive(block)
    framer = Framer(max_block=50)
    framer.feed(b"\x02" + b"x" * 60)
    with pytest.raises(DecodeError, match="more than 50 bytes"):
        framer.next()
    framer.feed(Data(b"x" * 60).to_bytes())
    with pytest.raises(DecodeError, match="more than 50 bytes"):
        framer.next()


def test_messages_that_make_no_sense_are_not_written() -> None:
    for message in (
        Identification("DK", "5", "X"),
        Identification("DKE", "5", "X/Y"),
        OptionSelect("?"),
        OptionSelect("5", "x"),
        SignOn("a" * 33),
        Command("X1"),
        Data(b"\x03"),
    ):
        with pytest.raises(LocalError):
            message.to_bytes()
    for read in (SignOn.from_bytes, OptionSelect.from_bytes, Identification.from_bytes):
        with pytest.raises(DecodeError):
            read(b"no")
    with pytest.raises(DecodeError, match="more than one value"):
        Command("P0", "(1)(2)").sole_value()
    assert Identification("DKE", "5", "X", ("2",)).speaks_hdlc
    assert Identification("DKE", "G", "X").bits_per_second is None
