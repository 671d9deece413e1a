"""Registers as makers' documents print them, read through our maps of their meters.

[A] ABB A43/A44 user manual 2CMC480001M0201 C, 9.11: pages 168 and 170 (the mapping of the B23);
[E] Eastron SDM630 Modbus manual (as quoted on wiki.marcluerssen.de), reading a voltage;
[S] Saia-Burgess data sheet of the ALE3 with Modbus, page 6, registers 28 and 29.
"""

from decimal import Decimal

import pytest

from protocols import meter_models
from protocols.errors import DecodeError
from protocols.meter_models.model import Place
from protocols.obis import obis

ABB_5000 = (
    "00000000000D1290 0000000000031209 00000000000A0086 0000000000041705 0000000000012B18"
    "000000000002EBED 00000000000EA7FE 000000000003DB92 00000000000ACC6C"
)


def words(raw: str) -> list[int]:
    octets = bytes.fromhex(raw)
    return [int.from_bytes(octets[at : at + 2], "big") for at in range(0, len(octets), 2)]


def place_of(model: str, code: str) -> Place:
    read = meter_models.load(model)
    places = [item.place for item in read.registers] + [item.place for item in read.instants]
    (found,) = [place for place in places if place.obis == obis(code)]
    return found


@pytest.mark.parametrize(
    ("source", "model", "begin", "raw", "code", "value"),
    [
        ("A 168", "abb-b23", 0x5000, ABB_5000, "1.0.1.8.0", "8567200"),
        ("A 168", "abb-b23", 0x5000, ABB_5000, "1.0.2.8.0", "2012250"),
        ("A 168", "abb-b23", 0x5000, ABB_5000, "1.0.3.8.0", "2680370"),
        ("A 168", "abb-b23", 0x5000, ABB_5000, "1.0.4.8.0", "765680"),
        ("A 170", "abb-b23", 0x5B0C, "00000065", "1.0.31.7.0", "1.01"),
        ("A 170", "abb-b23", 0x5B14, "0001E8E4", "1.0.16.7.0", "1251.56"),
        ("A 170", "abb-b23", 0x5B1C, "00007541", "1.0.3.7.0", "300.17"),
        ("A 170", "abb-b23", 0x5B2C, "1383", "1.0.14.7.0", "49.95"),
        ("A 170", "abb-b23", 0x5B3A, "03CC", "1.0.13.7.0", "0.972"),
        ("E", "eastron-sdm630", 0, "43663334", "1.0.32.7.0", "230.20"),
        ("E", "eastron-sdm120", 0, "43663334", "1.0.32.7.0", "230.20"),
        ("E", "eastron-sdm230", 0, "43663334", "1.0.32.7.0", "230.20"),
        ("S", "saia-ale3", 28 - 1, "000DEBDF", "1.0.1.8.0", "9123510"),
    ],
)
def test_what_makers_print(source: str, model: str, begin: int, raw: str, code: str, value: str) -> None:
    place, answer = place_of(model, code), words(raw)
    at = place.modbus.address - begin
    part = answer[at : at + place.modbus.type.words]
    assert place.value(place.decode(part)) == Decimal(value)
    if "float" not in place.modbus.type:  # the last digits of a float are noise
        assert list(place.encode(place.decode(part))) == part


def test_all_bits_set_is_no_number() -> None:
    # [A] "FF FF FF FF… means no data available at these addresses"
    with pytest.raises(DecodeError, match="no number for register 20492"):
        place_of("abb-b23", "1.0.3.8.0").decode(words("FFFFFFFFFFFFFFFF"))
    with pytest.raises(DecodeError):
        place_of("abb-b23", "1.0.16.7.0").decode(words("7FFFFFFF"))
    assert place_of("abb-b23", "1.0.16.7.0").decode(words("FFFFFFFF")) == -1
