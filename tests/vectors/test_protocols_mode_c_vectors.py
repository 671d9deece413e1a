"""Published IEC 62056-21 messages, read and written again character by character.

Facts (characters and their meaning), tests written anew:
[L] LEM, EM4TII+ manual of 05 November 2020: 4.2.1 (diagram), 4.2.6 (load profile), 4.2.9 (read-outs);
[Z] Sagemcom Dr. Neuhaus, ZDUE-LTE-PLUS-VII manual: 9.1 (errors), 9.4.1 (status word), 9.5 (services);
[G] Landis+Gyr, E350 user manual D000030875 en q, 5.5.5, and E650 series 3, D000030108 en m, 5.7.1;
[P] pwitab/iec62056-21 at 09d9acfa (BSD-3-Clause), tests/;
[S] srgsf/iec62056.golang at 68d92875 (MIT), *_test.go;
[H] iisys-hof/libIEC62056 at ddaf3831 (MIT), IEC62056ParserTest.java;
[D] ndokter/dsmr_parser at fa20ee45 (MIT), test/example_telegrams.py (lines of Dutch meters);
[E] what an EMH LZQJ-XC and a MetCom MCS301 sent, in Runamook/iec_62056-21 at 972020e2, test_parser.py
    (without a licence: read here, counted nowhere).
"""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from model.series import Unit
from protocols.errors import DecodeError, PasswordRefused
from protocols.iec62056_21.characters import Parity, block_check, with_parity, without_parity
from protocols.iec62056_21.client import ClientSettings, ModeCClient
from protocols.iec62056_21.codes import code_of
from protocols.iec62056_21.data_sets import (
    DataSet,
    read_lines,
    read_out_lines,
    write_lines,
    write_out_lines,
)
from protocols.iec62056_21.events import (
    Admitted,
    Answered,
    Challenged,
    Failed,
    Identified,
    ReadOut,
    Send,
    Written,
)
from protocols.iec62056_21.framer import Framer, Line, Option
from protocols.iec62056_21.identification import Identification, Mode
from protocols.iec62056_21.messages import Acknowledged, Again, Command, Data, OptionSelect, SignOn
from protocols.iec62056_21.profile import Column, ProfileRange, read_profile, write_profile
from protocols.iec62056_21.quantities import read_quantity
from protocols.iec62056_21.stamps import read_clock, read_stamp

BERLIN, LOCAL = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Ho_Chi_Minh")


def one(raw: bytes, *, options: bool = False) -> object:
    """The one message these characters are."""
    framer = Framer()
    framer.options = options
    framer.feed(raw)
    found = framer.next()
    assert framer.next() is None
    return found


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        pytest.param(b"/?!\r\n", "", id="L-4.2.9"),
        pytest.param(b"/?12345!\r\n", "12345", id="H"),
        pytest.param(b"/?45678903!\r\n", "45678903", id="P"),
        pytest.param(b"/?99999999!\r\n", "99999999", id="Z-9.4.1"),
    ],
)
def test_requests(raw: bytes, address: str) -> None:
    assert one(raw) == Line(raw)
    assert SignOn.from_bytes(raw) == SignOn(address)
    assert SignOn(address).to_bytes() == raw


@pytest.mark.parametrize(
    ("raw", "maker", "baud", "escapes", "name", "speed", "reaction"),
    [
        pytest.param(b"/EMH5\\@D4EM4TIIW001--\r\n", "EMH", "5", ("@",), "D4EM4TIIW001--", 9600, 0.2, id="L"),
        pytest.param(b"/ABB61KGL923390R0003\r\n", "ABB", "6", (), "1KGL923390R0003", 19200, 0.2, id="Z"),
        pytest.param(b"/LGZ4\\2ZMD3104100\r\n", "LGZ", "4", ("2",), "ZMD3104100", 4800, 0.2, id="G"),
        pytest.param(b"/Els6\\2EK280\r\n", "Els", "6", ("2",), "EK280", 19200, 0.02, id="P"),
        pytest.param(b"/ABC4IDENTIFICATION\r\n", "ABC", "4", (), "IDENTIFICATION", 4800, 0.2, id="H-C"),
        pytest.param(b"/XYZXIDENT\r\n", "XYZ", "X", (), "IDENT", 300, 0.2, id="H-A"),
        pytest.param(b"/DEfB\\2TEST\r\n", "DEf", "B", ("2",), "TEST", 1200, 0.02, id="H-B"),
        pytest.param(b"/JKlD\\@TESTER\r\n", "JKl", "D", ("@",), "TESTER", 4800, 0.02, id="H-B2"),
        pytest.param(b"/ABC6dev\r\n", "ABC", "6", (), "dev", 19200, 0.2, id="S"),
        pytest.param(b"/ISk5\\2MT382-1000\r\n", "ISk", "5", ("2",), "MT382-1000", 9600, 0.02, id="D-Iskra"),
        pytest.param(b"/KFM5KAIFA-METER\r\n", "KFM", "5", (), "KAIFA-METER", 9600, 0.2, id="D-Kaifa"),
    ],
)  # fmt: skip
def test_identifications(
    raw: bytes, maker: str, baud: str, escapes: tuple[str, ...], name: str, speed: int, reaction: float
) -> None:  # fmt: skip
    found = Identification.from_bytes(raw)
    assert one(raw) == Line(raw)
    assert found == Identification(maker, baud, name, escapes)
    assert found.mode is (Mode.C if baud.isdigit() else Mode.A if baud == "X" else Mode.B)
    assert (found.bits_per_second, found.reaction_seconds) == (speed, reaction)
    assert found.speaks_hdlc == ("2" in escapes)
    assert found.to_bytes() == raw


@pytest.mark.parametrize(
    ("raw", "baud", "wanted"),
    [
        pytest.param(b"\x06050\r\n", "5", "0", id="L-read-out"),
        pytest.param(b"\x06051\r\n", "5", "1", id="L-programming"),
        pytest.param(b"\x06060\r\n", "6", "0", id="H"),
        pytest.param(b"\x06061\r\n", "6", "1", id="Z"),
        pytest.param(b"\x06066\r\n", "6", "6", id="S-maker's"),
    ],
)
def test_option_selects(raw: bytes, baud: str, wanted: str) -> None:
    assert one(raw, options=True) == Option(raw)
    assert OptionSelect.from_bytes(raw) == OptionSelect(baud, wanted)
    assert OptionSelect(baud, wanted).to_bytes() == raw


@pytest.mark.parametrize(
    ("raw", "name", "data"),
    [
        pytest.param(b"\x01P0\x02()\x03`", "P0", "()", id="L-P0"),
        pytest.param(b"\x01P0\x02(1234567)\x03P", "P0", "(1234567)", id="P-P0"),
        pytest.param(b"\x01P1\x02(00000000)\x03a", "P1", "(00000000)", id="L-P1"),
        pytest.param(b"\x01R1\x021.8.0(1)\x03k", "R1", "1.8.0(1)", id="P-R1"),
        pytest.param(b"\x01R5\x020.9.2()\x03\\", "R5", "0.9.2()", id="L-R5-date"),
        pytest.param(b"\x01R5\x020.9.1()\x03_", "R5", "0.9.1()", id="L-R5-time"),
        pytest.param(
            bytes.fromhex("01573202433030332839313033323430393232333929031b"), "W2", "C003(9103240922"
            "39)", id="P-W2",
        ),
        pytest.param(
            b"\x01W5\x021-0:0.9.129*255(1301031605000002)(00000000)\x03^",
            "W5", "1-0:0.9.129*255(1301031605000002)(00000000)", id="L-W5",
        ),
        pytest.param(b"\x01B0\x03q", "B0", None, id="L-B0"),
    ],
)  # fmt: skip
def test_commands(raw: bytes, name: str, data: str | None) -> None:
    assert one(raw) == Command(name, data)
    assert Command(name, data).to_bytes() == raw


@pytest.mark.parametrize(
    ("name", "data"),
    [
        pytest.param("R5", "P.01(01301310800;01302010800)", id="L-4.2.1-load-profile"),
        pytest.param("R3", "S70()", id="Z-9.4.1-status-word"),
        pytest.param("R3", "S61( )", id="Z-9.5.4-checksum"),
        pytest.param("R3", "S96(14)", id="Z-9.5.7-booter"),
        pytest.param("W1", "S70()", id="Z-9.4.2-reset"),
        pytest.param("W1", "S92( )(12345678)", id="Z-9.5.2-restart"),
        pytest.param("P0", "(00000001)", id="Z-9.4.1-operand"),
    ],
)
def test_commands_published_without_their_check(name: str, data: str) -> None:
    raw = Command(name, data).to_bytes()
    assert raw[:-1] == b"\x01" + name.encode() + b"\x02" + data.encode() + b"\x03"
    assert one(raw) == Command(name, data)


def test_acknowledgement_and_repetition() -> None:
    assert one(b"\x06") == Acknowledged()  # [H]
    assert one(b"\x15") == Again()  # [H]
    assert (Acknowledged().to_bytes(), Again().to_bytes()) == (b"\x06", b"\x15")


@pytest.mark.parametrize(
    ("raw", "sets"),
    [
        pytest.param(b"\x020.9.2(130103)\x039", [DataSet("0.9.2", ("130103",))], id="L-date"),
        pytest.param(b"\x020.9.1(101415)\x03:", [DataSet("0.9.1", ("101415",))], id="L-time"),
        pytest.param(b"\x023:171.0(0)\x03\x12", [DataSet("3:171.0", ("0",))], id="P-LIS-200"),
    ],
)
def test_answers_of_one_data_set(raw: bytes, sets: list[DataSet]) -> None:
    found = one(raw)
    assert isinstance(found, Data)
    assert found.last
    assert list(read_lines(found.body)) == sets
    assert Data(write_lines([sets]).removesuffix(b"\r\n")).to_bytes() == raw


def test_several_data_sets_on_a_line() -> None:
    raw = b"\x023:14(314*kWh)4:15(415*kWh)\r\n\x03\x04"  # [P]
    found = one(raw)
    assert isinstance(found, Data)
    sets = read_lines(found.body)
    assert [each.value() for each in sets] == [("314", "kWh"), ("415", "kWh")]
    assert Data(write_lines([sets])).to_bytes() == raw
    out = b'\x023:14(314*kWh)4:15(415*kWh)\r\n!\r\n\x03"'  # [P]
    found = one(out)
    assert isinstance(found, Data)
    assert read_out_lines(found.body) == sets
    assert Data(write_out_lines([sets])).to_bytes() == out


LEM_READ_OUT = (
    b"1-0:1.8.0*255(000000000.0*kWh)\r\n1-0:2.8.0*255(000000000.0*kWh)\r\n"
    b"1-0:3.8.0*255(000000000.0*kvarh)\r\n1-0:4.8.0*255(000000000.0*kvarh)\r\n"
    b"0-0:F.F.0*255(00000000)\r\n1-0:0.0.1*255()\r\n1-0:0.2.0*255(10600000)\r\n"
    b"1-0:0.9.1*255(140253)\r\n1-0:0.9.2*255(121221)\r\n0-0:C.1.0*255(03878504)\r\n"
    b"0-0:C.72.1*255()\r\n0-0:C.72.2*255()\r\n1-0:0.8.4*255(5*min)\r\n1-0:0.3.0*255(6.00*Imp/kWh)\r\n"
    b"1-0:0.2.1*1(121120??)\r\n1-0:0.2.1*50(121120??)\r\n0-0:C.90.2*255(9F139CC2)\r\n"
    b"1-0:C.1.9*255(Point-ID)\r\n!\r\n"
)


def test_a_read_out() -> None:
    raw = b"\x02" + LEM_READ_OUT + b"\x03+"  # [L] 4.2.9, 1
    found = one(raw)
    assert isinstance(found, Data)
    sets = read_out_lines(found.body)
    assert len(sets) == 18
    values = {code_of(each.address): each.value() for each in sets}
    assert values[code_of("1.8.0")] == ("000000000.0", "kWh")
    assert values[code_of("0.3.0")] == ("6.00", "Imp/kWh")
    assert values[code_of("C.1.0")].text == "03878504"
    assert Data(write_out_lines([[each] for each in sets])).to_bytes() == raw


LANDIS_READ_OUT = (  # [G] 5.5.5: printed with a space before the first data set, without the frame
    b" F.F(00)\r\nC.1.1(0000000074892473)\r\n1.8.0(000065.3*kWh)\r\n2.8.0(000003.5*kWh)\r\n"
    b"1.8.1(000021.5*kWh)\r\n1.8.2(00043.8*kWh)\r\n2.8.1(000001.5*kWh)\r\n2.8.2(00000.0*kWh)\r\n"
    b"C.5.0(02)\r\n!\r\n"
)


def test_a_read_out_of_landis_gyr() -> None:
    lines = LANDIS_READ_OUT
    sets = read_out_lines(lines)
    assert [each.address for each in sets][:3] == ["F.F", "C.1.1", "1.8.0"]
    total, first, second = (read_quantity(*sets[at].value()) for at in (2, 4, 5))
    assert (total.raw, total.scaler, total.unit) == (653, 2, Unit.WATT_HOUR)
    assert total.raw == first.raw + second.raw
    assert write_out_lines([[each] for each in sets]) == lines.lstrip()


@pytest.mark.parametrize(
    ("line", "code", "raw", "scaler", "unit"),
    [
        pytest.param(b"1-0:1.8.1(001581.123*kWh)\r\n", "1.0.1.8.1.255", 1581123, 0, Unit.WATT_HOUR, id="D"),
        pytest.param(b"1-0:1.7.0(02.027*kW)\r\n", "1.0.1.7.0.255", 2027, 0, Unit.WATT, id="D-power"),
        pytest.param(b"1-0:32.7.0(0230.0*V)\r\n", "1.0.32.7.0.255", 2_300, -1, Unit.VOLT, id="D-voltage"),
        pytest.param(b"1-0:31.7.0(0.48*A)\r\n", "1.0.31.7.0.255", 48, -2, Unit.AMPERE, id="D-current"),
        pytest.param(b"1-0:31.7.0(000*A)\r\n", "1.0.31.7.0.255", 0, 0, Unit.AMPERE, id="D-no-places"),
    ],
)  # fmt: skip
def test_values_with_units(line: bytes, code: str, raw: int, scaler: int, unit: Unit) -> None:
    (found,) = read_lines(line)
    assert str(code_of(found.address)) == code
    quantity = read_quantity(*found.value())
    assert (quantity.raw, quantity.scaler, quantity.unit) == (raw, scaler, unit)
    assert write_lines([[found]]) == line


def test_a_line_of_many_values() -> None:
    line = (  # [D]: a log of power failures
        b"1-0:99.97.0(3)(0-0:96.7.19)(000104180320W)(0000237126*s)(000101000001W)(2147583646*s)"
        b"(000102000003W)(2317482647*s)\r\n"
    )
    (found,) = read_lines(line)
    assert len(found.values) == 8
    assert found.value(3) == ("0000237126", "s")
    assert write_lines([[found]]) == line


DUTCH = [  # [D]: the hourly gas value of the DSMR versions 2.2 and 3, a profile of one row
    b"0-1:24.3.0(161107190000)(00)(60)(1)(0-1:24.2.1)(m3)\r\n(00001.001)\r\n",
    b"0-1:24.3.0(090212160000)(00)(60)(1)(0-1:24.2.1)(m3)\r\n(00001.001)\r\n",
]
ENDS = [datetime(2016, 11, 7, 18, tzinfo=UTC), datetime(2009, 2, 12, 15, tzinfo=UTC)]


@pytest.mark.parametrize(("block", "ends"), list(zip(DUTCH, ENDS, strict=True)), ids=["D-2.2", "D-3"])
def test_a_profile_of_one_row(block: bytes, ends: datetime) -> None:
    rows = read_profile(read_lines(block), "0-1:24.3.0", BERLIN)
    assert rows.stamps.tolist() == [ends.timestamp()]
    assert rows.columns == (Column("0-1:24.2.1", "m3"),)
    assert (rows.values[0].tolist(), rows.places, rows.interval_seconds) == ([1001], (3,), 3600)


PROFILES = [
    pytest.param(
        b"P.01(1220823161500)(00000000)(15)(6)(1.5)(kW)(2.5)(kW)(5.5)(kvar)(6.5)(kvar)(7.5)(kvar)(8.5)(kvar)\r\n"
        b"(0.18374)(0.00078)(0.00000)(0.00006)(0.00087)(0.02431)\r\n"
        b"(0.16832)(0.00000)(0.00000)(0.00000)(0.00000)(0.02686)\r\n",
        datetime(2022, 8, 23, 14, 15, tzinfo=UTC), 0, "1.5", [18374, 16832], 8, id="E-EMH-power",
    ),
    pytest.param(
        b"P.01(1220823150000)(08)(15)(6)(1-0:1.5.0)(kW)(1-0:2.5.0)(kW)(1-0:5.5.0)(kvar)(1-0:6.5.0)(kvar)"
        b"(1-0:7.5.0)(kvar)(1-0:8.5.0)(kvar)\r\n"
        b"(0.00000)(0.12683)(0.00000)(0.11411)(0.00000)(0.00000)\r\n"
        b"(0.00028)(0.06188)(0.00059)(0.07409)(0.00000)(0.00000)\r\n"
        b"(0.00000)(0.11250)(0.00000)(0.11677)(0.00000)(0.00000)\r\n"
        b"(0.00006)(0.04656)(0.00082)(0.09270)(0.00000)(0.00000)\r\n",
        datetime(2022, 8, 23, 13, 0, tzinfo=UTC), 8, "1.5.0", [0, 28, 0, 6], 2, id="E-MetCom",
    ),
    pytest.param(
        b"P.01(1221005001500)(00000000)(15)(8)(1-1:1.29)(kWh)(1-1:2.29)(kWh)(1-1:5.29)(kvarh)(1-1:6.29)(kvarh)"
        b"(1-1:7.29)(kvarh)(1-1:8.29)(kvarh)(1-2:1.29)(kWh)(1-3:2.29)(kWh)\r\n"
        b"(0.00000)(0.04088)(0.00000)(0.00358)(0.00000)(0.00000)(0.00000)(0.00000)\r\n"
        b"(0.00000)(0.03964)(0.00000)(0.00350)(0.00000)(0.00000)(0.00000)(0.00000)\r\n",
        datetime(2022, 10, 4, 22, 15, tzinfo=UTC), 0, "1-1:1.29", [0, 0], 8, id="E-EMH-energy",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("block", "ends", "status", "first", "values", "digits"), PROFILES)
def test_load_profiles(
    block: bytes, ends: datetime, status: int, first: str, values: list[int], digits: int
) -> None:
    """A stamp of summer time (its first digit), two hours ahead of UTC in Germany."""
    rows = read_profile(read_lines(block), "P.01", BERLIN)
    step = timedelta(minutes=15)
    assert rows.stamps.tolist() == [(ends + at * step).timestamp() for at in range(len(values))]
    assert set(rows.status.tolist()) == {status}
    assert code_of(rows.columns[0].address) == code_of(first)
    assert (rows.values[0].tolist(), set(rows.places)) == (values, {5})
    texts = [
        (column, [f"{value / 100_000:.5f}" for value in numbers.tolist()])
        for column, numbers in zip(rows.columns, rows.values, strict=True)
    ]
    stamps = [datetime.fromtimestamp(at, UTC) for at in rows.stamps.tolist()]
    written = write_lines(write_profile("P.01", stamps, rows.status.tolist(), 15, texts, BERLIN))
    assert written == block.replace(f"({status:0{digits}X})".encode(), f"({status:02X})".encode(), 1)


LEM_PROFILE = (  # [L] 4.2.6; the status is printed as ########
    b"P.01(121015061841)(########)(5)(9)(C.1.9)()(C.5.1)()(C.5.3)()(0.9.17)()(0.9.18)()(1.29.0)(kWh)"
    b"(2.29.0)(kWh)(3.29.0)(kvarh)(4.29.0)(kvarh)\r\n"
)


def test_the_header_of_a_load_profile() -> None:
    line = LEM_PROFILE
    (found,) = read_lines(line)
    rows = read_profile([found._replace(values=(found.values[0], "0", *found.values[2:]))], "P.01", UTC)
    assert [column.unit for column in rows.columns[5:]] == ["kWh", "kWh", "kvarh", "kvarh"]
    assert read_stamp(found.values[0], UTC) == datetime(2012, 10, 15, 6, 18, 41, tzinfo=UTC)
    with pytest.raises(DecodeError, match="no status"):
        read_profile([found], "P.01", UTC)


def test_the_range_of_a_load_profile() -> None:
    text = "01301310800;01302010800"  # [L] 4.2.1: 31 January to 1 February 2013, 08:00
    wanted = ProfileRange.from_text(text, BERLIN)
    assert wanted.first == datetime(2013, 1, 31, 8, tzinfo=BERLIN)
    assert wanted.last == datetime(2013, 2, 1, 8, tzinfo=BERLIN)
    assert wanted.to_text(BERLIN) == text


def test_the_clock() -> None:
    at = datetime(2013, 1, 3, 10, 14, 15, tzinfo=LOCAL)  # [L] 4.2.9, 2
    assert read_clock("130103", "101415", LOCAL) == at
    assert read_stamp("101209113020W", BERLIN) == datetime(2010, 12, 9, 11, 30, 20, tzinfo=BERLIN)  # [D]
    summer = read_stamp("200512135409S", BERLIN)  # [D]
    assert summer == datetime(2020, 5, 12, 13, 54, 9, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("message", "word"), [("(ERROR11)", "ERROR11"), ("(ERROR04)", "ERROR04"), ("(ERR1)", "ERR1")],
    ids=["Z-time", "Z-class", "S"],
)  # fmt: skip
def test_error_messages(message: str, word: str) -> None:
    client = ready()
    client.read("0.9.1")
    (failed,) = client.receive(Data(message.encode()).to_bytes())
    assert isinstance(failed, Failed)
    assert failed.error.reason == f"the meter refused 0.9.1: {word}"


def test_an_error_message_to_a_password() -> None:
    client = challenged()
    client.password("wrong")
    with pytest.raises(PasswordRefused, match="ERR1"):  # [S]
        client.receive(Data(b"(ERR1)").to_bytes())


def test_parity_on_a_line_of_eight_bits() -> None:
    assert with_parity(b"/?!\r\n", Parity.EVEN) == bytes((175, 63, 33, 141, 10))  # [S]
    assert without_parity(bytes((175, 63, 33, 141, 10)), Parity.EVEN) == (b"/?!\r\n", bytes(5))
    marked = bytes(octet | 0x80 for octet in b"/ABC6dev\r\n")  # [S]: all eighth bits set
    client = ModeCClient(ClientSettings(parity=Parity.IGNORED))
    client.sign_on()
    assert client.receive(marked) == [Identified(Identification("ABC", "6", "dev"))]


def test_block_checks() -> None:
    for raw in (b"\x01P0\x02(1234567)\x03P", b"\x01B0\x03q", b"\x020.9.2(130103)\x039"):  # [P], [L], [L]
        assert block_check(raw[1:-1]) == raw[-1]


def challenged() -> ModeCClient:
    client = ModeCClient(ClientSettings())
    client.sign_on()
    client.receive(b"/EMH5\\@D4EM4TIIW001--\r\n")
    client.program()
    client.receive(b"\x01P0\x02()\x03`")
    return client


def ready() -> ModeCClient:
    client = challenged()
    client.password("00000000")
    client.receive(b"\x06")
    return client


def test_the_published_conversations_word_for_word() -> None:
    """[L] 4.2.9: reading table 1, reading date and time, setting them."""
    client = ModeCClient(ClientSettings())
    assert client.sign_on() == [Send(b"/?!\r\n")]
    client.receive(b"/EMH5\\@D4EM4TIIW001--\r\n")
    assert client.read_out()[0] == Send(b"\x06050\r\n")
    (out,) = client.receive(b"\x02" + LEM_READ_OUT + b"\x03+")
    assert isinstance(out, ReadOut)
    assert client.sign_off()[0] == Send(b"\x01B0\x03q")
    client.sign_on()
    client.receive(b"/EMH5\\@D4EM4TIIW001--\r\n")
    assert client.program()[0] == Send(b"\x06051\r\n")
    assert client.receive(b"\x01P0\x02()\x03`") == [Challenged("")]
    assert client.password("00000000") == [Send(b"\x01P1\x02(00000000)\x03a")]
    assert client.receive(b"\x06") == [Admitted()]
    assert client.read("0.9.2") == [Send(b"\x01R5\x020.9.2()\x03\\")]
    assert client.receive(b"\x020.9.2(130103)\x039") == [
        Answered((DataSet("0.9.2", ("130103",)),), b"0.9.2(130103)")
    ]
    assert client.read("0.9.1") == [Send(b"\x01R5\x020.9.1()\x03_")]
    client.receive(b"\x020.9.1(101415)\x03:")
    assert client.write("1-0:0.9.129*255", "1301031605000002", "00000000", command="W5") == [
        Send(b"\x01W5\x021-0:0.9.129*255(1301031605000002)(00000000)\x03^")
    ]
    assert client.receive(b"\x06") == [Written()]
