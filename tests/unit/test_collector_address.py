import pytest

from collector.address import DlmsAddress, ModbusAddress, parse
from collector.errors import BadAddress
from protocols.dlms.enums import Mechanism


def test_a_dlms_address() -> None:
    url = "dlms+wrapper://10.8.0.14:4060?client=17&server=3&auth=lls&password=s%26cret&timeout=2.5"
    address = parse(url)
    assert address == DlmsAddress("10.8.0.14", 4060, 17, 3, Mechanism.LLS, "s&cret", 2.5)
    assert "s&cret" not in repr(address)


def test_what_is_left_out_has_its_usual_value() -> None:
    assert parse("dlms+wrapper://meter.local") == DlmsAddress("meter.local", 4059)
    assert parse("modbus+tcp://[::1]?unit=7&model=eastron-sdm630&function=input") == ModbusAddress(
        "::1", 502, 7, "eastron-sdm630", 4
    )


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("10.8.0.14", "is not known: write dlms\\+wrapper://"),
        ("http://10.8.0.14", "begins http is not known"),
        ("dlms+wrapper://", "names no host"),
        ("dlms+wrapper://h:99999", "is no address"),
        ("dlms+wrapper://h?client=x", "client=x must be a whole number from 1 to 65535"),
        ("dlms+wrapper://h?auth=gmac", "use none or lls"),
        ("dlms+wrapper://h?auth=lls", "needs a password"),
        ("dlms+wrapper://h?auth=none&password=x", "used with auth=lls only"),
        ("dlms+wrapper://h?unit=1", "unit=… means nothing"),
        ("modbus+tcp://h?unit=300", "unit=300 must be"),
        ("modbus+tcp://h?timeout=soon", "timeout=soon must be a number of seconds"),
        ("modbus+tcp://h?function=coil", "use holding or input"),
    ],
)
def test_a_bad_address_is_one_sentence(url: str, sentence: str) -> None:
    with pytest.raises(BadAddress, match=sentence) as caught:
        parse(url)
    assert "password=x" not in caught.value.sentence


def test_a_password_from_the_environment_is_for_an_address_that_names_none() -> None:
    read = DlmsAddress("h", 4059, 17, 1, Mechanism.LLS, "s3")
    assert parse("dlms+wrapper://h", "s3") == read
    assert parse("dlms+wrapper://h?auth=lls", "s3") == read
    assert parse("dlms+wrapper://h?client=5", "s3") == DlmsAddress("h", 4059, 5, 1, Mechanism.LLS, "s3")
    assert parse("dlms+wrapper://h?client=17&password=own", "s3").password == "own"  # type: ignore[union-attr]
    for public in ("auth=none", "client=16"):
        assert parse(f"dlms+wrapper://h?{public}", "s3") == DlmsAddress("h", 4059, 16)
    assert parse("dlms+wrapper://h", "") == DlmsAddress("h")
    assert parse("modbus+tcp://h", "s3") == ModbusAddress("h")
