"""A meter's address as a person writes it, and the keys that go with it."""

import json
from pathlib import Path

import pytest

from collector.errors import BadAddress
from collector.keys.meter_keys import MeterKeys
from collector.single.address import parse
from collector.single.association import framing_of, settings_of
from collector.single.routes import (
    DlmsAddress,
    DlmsFraming,
    ModbusAddress,
    ModeCAddress,
    SerialRoute,
    TcpRoute,
)
from protocols.dlms.enums import Mechanism
from protocols.dlms.security import MemoryCounters
from protocols.modbus.framing import Carrier

ENCRYPTION, AUTHENTICATION = bytes(range(16)), bytes(range(0xD0, 0xE0))
KEYS = MeterKeys(ENCRYPTION, AUTHENTICATION)
H = TcpRoute("h", 4059)


def test_a_dlms_address() -> None:
    url = "dlms+wrapper://10.8.0.14:4060?client=17&server=3&auth=lls&password=s%26c+t&timeout=2.5"
    address = parse(url)
    assert address == DlmsAddress(
        TcpRoute("10.8.0.14", 4060),
        client=17,
        server=3,
        mechanism=Mechanism.LLS,
        password="s&c+t",
        timeout_s=2.5,
    )
    assert "s&c+t" not in repr(address)


def test_what_is_left_out_has_its_usual_value() -> None:
    assert parse("dlms+wrapper://h") == DlmsAddress(H)
    lls, gmac = parse("dlms+hdlc://h?password=x"), parse("dlms+hdlc://h?auth=gmac", _keys_of_environment())
    assert isinstance(lls, DlmsAddress)
    assert isinstance(gmac, DlmsAddress)
    assert [(each.client, each.mechanism, each.framing) for each in (lls, gmac)] == [
        (17, Mechanism.LLS, DlmsFraming.HDLC),
        (1, Mechanism.HLS_GMAC, DlmsFraming.HDLC),
    ]
    assert parse("modbus+tcp://[::1]?unit=7&model=eastron-sdm630&function=input") == ModbusAddress(
        TcpRoute("::1", 502), unit=7, model="eastron-sdm630", function=4
    )
    assert parse("iec62056-21://h") == ModeCAddress(TcpRoute("h", 4059))


def test_serial_ports_and_the_other_framings() -> None:
    assert parse("dlms+hdlc+serial:///dev/ttyUSB0?baud=19200&physical=17&address_size=4") == DlmsAddress(
        SerialRoute("/dev/ttyUSB0", 19200), DlmsFraming.HDLC, physical=17, address_size=4
    )
    assert parse("modbus+rtu+serial:///dev/ttyUSB0?unit=9&bits=8e1") == ModbusAddress(
        SerialRoute("/dev/ttyUSB0", 9600, "8E1"), Carrier.RTU, unit=9
    )
    assert parse("modbus+rtu+tcp://h:5021") == ModbusAddress(TcpRoute("h", 5021), Carrier.RTU)
    for url in ("iec62056-21:///dev/ttyUSB0", "iec62056-21+serial:///dev/ttyUSB0"):
        assert parse(f"{url}?address=12345678&baud=5&access=program&password=1") == ModeCAddress(
            SerialRoute("/dev/ttyUSB0", 300, "7E1"), "12345678", "1", baud=5, program=True
        )


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("10.8.0.14", "is not known: write dlms\\+wrapper://"),
        ("http://10.8.0.14", "begins http is not known"),
        ("dlms+wrapper://", "names no host"),
        ("dlms+wrapper://h:99999", "is no address"),
        ("dlms+wrapper://h/x", "/x after the host means nothing"),
        ("dlms+hdlc+serial://dev/ttyUSB0", "three strokes, like dlms\\+hdlc\\+serial:///dev/ttyUSB0"),
        ("modbus+rtu+serial:///dev/ttyUSB0?bits=9X1", "bits=9X1 is not known"),
        ("dlms+wrapper://h?client=x", "client=x must be a whole number from 1 to 65535"),
        ("dlms+hdlc://h?server=1000", "server=1000 is above 127, .*: add physical=N"),
        ("dlms+hdlc://h?physical=1&address_size=1", "one byte has no physical half"),
        ("dlms+hdlc://h?server=1000&physical=1&address_size=2", "two bytes holds numbers up to 127"),
        ("dlms+hdlc://h?info=2031", "info=2031 must be a whole number from 8 to 2030"),
        ("dlms+hdlc://h?window=8", "window=8 must be a whole number from 1 to 7"),
        ("dlms+wrapper://h?info=128", "info=… means nothing"),
        ("dlms+wrapper://h?envelope=general", "envelope=… means nothing"),
        ("dlms+wrapper://h?gbt=64", "gbt=64 must be a whole number from 0 to 63"),
        ("dlms+hdlc://h?client=200", "client=200 must be a whole number from 1 to 127"),
        ("dlms+wrapper://h?client=1&client=2", "client=… stands twice"),
        ("dlms+wrapper://h?auth=md6", "auth=md6 is not known: use none, lls, gmac, hls"),
        ("dlms+wrapper://h?auth=lls", "need a password"),
        ("dlms+wrapper://h?auth=none&password=x", "a password needs one of them"),
        ("dlms+wrapper://h?auth=gmac", "AMI_METER_ENCRYPTION_KEY and AMI_METER_AUTHENTICATION_KEY"),
        ("dlms+wrapper://h?auth=gmac&password=x", "proved with keys: leave the password out"),
        ("dlms+wrapper://h?auth=lls&password=x&keys=f", "keys=… are used with auth=gmac only"),
        ("dlms+wrapper://h?title=12", "title=12 must be 16 hexadecimal digits"),
        ("dlms+wrapper://h?unit=1", "unit=… means nothing"),
        ("dlms+wrapper://h?physical=1", "physical=… means nothing"),
        ("modbus+tcp://h?unit=300", "unit=300 must be"),
        ("modbus+rtu+tcp://h?unit=0", "unit=0 must be a whole number from 1 to 247"),
        ("modbus+tcp://h?timeout=soon", "timeout=soon must be a number of seconds"),
        ("modbus+tcp://h?function=coil", "use holding or input"),
        ("iec62056-21://h?parity=odd", "use none, even or ignored"),
    ],
)
def test_a_bad_address_is_one_sentence(url: str, sentence: str) -> None:
    with pytest.raises(BadAddress, match=sentence) as caught:
        parse(url)
    assert "password=x" not in caught.value.sentence


@pytest.mark.parametrize(
    "url",
    [
        "dlms+wrapper://:SECRET@127.0.0.1:99999",
        "dlms+wrapper://ami:SECRET@127.0.0.1:4059?client=17",
        "dlms+hdlc://SECRET@h",
        "dlms+wrapper://ami:SE/CRET@h",
        "dlms+wrapper://ami:SE?CRET@h",
        "dlms+wrapper://ami:SE#CRET@h",
        "dlms+wrapper://[SECRET@h",
        "dlms+hdlc+serial://ami:SECRET@/dev/ttyUSB0",
        "dlms+pigeon://ami:SECRET@h",
        ":SECRET@h",
        "SECRET@h",
    ],
)
def test_what_stands_before_an_at_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(BadAddress) as caught:
        parse(url)
    assert "no user and no password: put a password into AMI_METER_PASSWORD" in caught.value.sentence
    assert not any(part in caught.value.sentence for part in ("SECRET", "ami", "CRET", "@"))


def test_an_at_elsewhere_is_no_user() -> None:
    assert parse("dlms+wrapper://h?password=a@b").password == "a@b"  # type: ignore[union-attr]
    assert parse("modbus+rtu+serial:///dev/tty@1") == ModbusAddress(
        SerialRoute("/dev/tty@1", 9600, "8N1"), Carrier.RTU
    )


def test_a_password_from_the_environment_is_for_an_address_that_names_none() -> None:
    offered = {"AMI_METER_PASSWORD": "s3"}
    read = DlmsAddress(H, client=17, mechanism=Mechanism.LLS, password="s3")
    assert parse("dlms+wrapper://h", offered) == read
    assert parse("dlms+wrapper://h?auth=lls", offered) == read
    assert parse("dlms+wrapper://h?client=5", offered) == DlmsAddress(
        H, client=5, mechanism=Mechanism.LLS, password="s3"
    )
    assert parse("dlms+wrapper://h?client=17&password=own", offered).password == "own"  # type: ignore[union-attr]
    for public in ("auth=none", "client=16"):
        assert parse(f"dlms+wrapper://h?{public}", offered) == DlmsAddress(H)
    assert parse("dlms+wrapper://h?client=16&auth=lls", offered).password == "s3"  # type: ignore[union-attr]
    assert parse("dlms+wrapper://h", {"AMI_METER_PASSWORD": ""}) == DlmsAddress(H)
    assert parse("modbus+tcp://h", offered) == ModbusAddress(TcpRoute("h", 502))
    assert parse("iec62056-21://h", offered).password == "s3"  # type: ignore[union-attr]


def _keys_of_environment() -> dict[str, str]:
    return {
        "AMI_METER_ENCRYPTION_KEY": ENCRYPTION.hex(),
        "AMI_METER_AUTHENTICATION_KEY": AUTHENTICATION.hex(),
    }


def test_keys_come_from_a_file_or_the_environment(tmp_path: Path) -> None:
    toml, ready = tmp_path / "keys.toml", tmp_path / "meter.json"
    toml.write_text(f'encryption_key = "{ENCRYPTION.hex()}"\nauthentication_key = "{AUTHENTICATION.hex()}"\n')
    ready.write_text(
        json.dumps({"keys": {"encryption": ENCRYPTION.hex(), "authentication": AUTHENTICATION.hex()}})
    )
    sources = [
        ("dlms+wrapper://h?auth=gmac", _keys_of_environment()),
        ("dlms+wrapper://h?auth=gmac", {"AMI_METER_KEYS": str(toml)}),
        (f"dlms+wrapper://h?auth=gmac&keys={toml}", {}),
        (f"dlms+wrapper://h?keys={ready}", {"AMI_METER_PASSWORD": "for another meter"}),
    ]
    for url, environment in sources:
        address = parse(url, environment)
        assert isinstance(address, DlmsAddress)
        assert (address.keys, address.client, address.password) == (KEYS, 1, None)
        assert ENCRYPTION.hex() not in repr(address)
        assert str(ENCRYPTION) not in repr(address)


def test_keys_that_cannot_be_used_are_named_and_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    url = f"dlms+wrapper://h?auth=gmac&keys={file}"
    with pytest.raises(BadAddress, match=r"cannot be read \(No such file"):
        parse(url)
    for text, sentence in (
        ("secret", "holds no keys: write a line encryption_key"),
        ('encryption_key = "5ec2e7"', "encryption_key in .*must be 32 hexadecimal digits"),
        (f'encryption_key = "{ENCRYPTION.hex()}"', "has no authentication_key: add it"),
    ):
        file.write_text(text)
        with pytest.raises(BadAddress, match=sentence) as caught:
            parse(url)
        assert "5ec2e7" not in caught.value.sentence
        assert ENCRYPTION.hex() not in caught.value.sentence


def test_a_counter_that_would_use_up_the_key_is_said_twice() -> None:
    url = "dlms+wrapper://h?auth=gmac&counter="
    keys = {
        "AMI_METER_ENCRYPTION_KEY": ENCRYPTION.hex(),
        "AMI_METER_AUTHENTICATION_KEY": AUTHENTICATION.hex(),
    }
    for said, taken in (("2147483647", 0x7FFF_FFFF), ("2147483648&counter_again=2147483648", 0x8000_0000)):
        address = parse(f"{url}{said}", keys)
        assert isinstance(address, DlmsAddress)
        assert address.counter == taken
    for said in ("2147483648", "4294967295", "4294967295&counter_again=4294967294"):
        with pytest.raises(BadAddress, match="would use up half of the key"):
            parse(f"{url}{said}", keys)


def test_keys_that_do_not_fit_their_suite_are_told_at_once() -> None:
    with pytest.raises(BadAddress, match="the encryption key has 16 bytes: 32 are due in suite 2"):
        parse("dlms+wrapper://h?auth=gmac&suite=2", _keys_of_environment())


@pytest.mark.parametrize("where", ["server=999&physical=1", "server=999&address_size=4", "physical=9"])
def test_an_hdlc_address_takes_the_bytes_it_needs(where: str) -> None:
    assert isinstance(parse(f"dlms+hdlc://h?{where}"), DlmsAddress)


def test_frames_envelopes_and_blocks_are_chosen_in_the_address() -> None:
    address = parse(
        "dlms+hdlc://h?info=128&window=1&envelope=general&gbt=5&auth=gmac", _keys_of_environment()
    )
    assert isinstance(address, DlmsAddress)
    assert (address.info, address.window, address.general, address.general_window) == (128, 1, True, 5)
    settings = settings_of(address, MemoryCounters())
    assert settings.general_window == 5
    assert settings.security is not None
    assert settings.security.general
    usual = parse("dlms+hdlc://h")
    assert isinstance(usual, DlmsAddress)
    assert bytes.fromhex("050207ee060207ee070400000007080400000007") in framing_of(usual).connect()
    # The defaults of the standard need no words: for meters that know no others.
    assert len(framing_of(address).connect()) == 9
