"""A dedicated key is drawn for each association, whatever the key file says."""

import asyncio
from pathlib import Path

import pytest

from collector.errors import BadAddress
from collector.keys import meter_keys
from collector.keys.counters import FileCounters
from collector.single import read as single_read
from collector.single.address import parse
from collector.single.found import Asked, Found
from protocols.dlms import axdr
from protocols.dlms.apdu import Attribute
from protocols.dlms.enums import Mechanism
from protocols.dlms.security import MemoryCounters, Protection, SecuritySetup, key_name
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from simulators import ports
from simulators.answering import Answering
from tests.dlms_line import ENERGY, Desk

KEY, AUTHENTICATION, GIVEN = bytes(range(16)), bytes(range(0xD0, 0xE0)), bytes(range(0x40, 0x50))
METER = bytes.fromhex("4D4D4D0000BC614E")
LINES = f'encryption_key = "{KEY.hex()}"\nauthentication_key = "{AUTHENTICATION.hex()}"\n'


class Anew(MemoryCounters):
    """A meter whose counters under any dedicated key begin with the association, as with a new key."""

    def begin(self) -> None:
        lasting = key_name(KEY, METER)
        self._next = {name: number for name, number in self._next.items() if name == lasting}
        self._heard.clear()


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The dedicated keys that meters were given."""
    keys: list[bytes] = []
    dedicate = Protection.dedicate

    def told(self: Protection, key: bytes | None = None) -> None:
        if key is not None:
            keys.append(key)
        dedicate(self, key)

    monkeypatch.setattr(Protection, "dedicate", told)
    return keys


async def twice(address: str, environment: dict[str, str], counters: FileCounters) -> list[Found]:
    kept, desk = Anew(), Desk()
    desk.values[Attribute(3, ENERGY.obis, 3)] = axdr.structure(axdr.integer(0), axdr.enum(30))

    def call() -> ServerConnection:
        kept.begin()
        security = SecuritySetup(METER, KEY, AUTHENTICATION)
        access = ClientAccess(Mechanism.HLS_GMAC, security=security, counters=kept)
        return ServerConnection({1: Device(desk, {1: access}, 300)})

    served, sock = Answering(lambda: call().receive), ports.one("127.0.0.1", 0)
    await served.start(sock)
    try:
        meter = parse(address.format(sock.getsockname()[1]), environment)
        return [await single_read.read(meter, Asked(("1.0.1.8.0",)), counters) for _ in range(2)]
    finally:
        await served.stop()


@pytest.mark.parametrize("line", ["dedicated = true", f'dedicated_key = "{GIVEN.hex()}"'])
def test_two_sessions_of_a_meter_that_counts_anew_under_each_dedicated_key(
    line: str, tmp_path: Path, drawn: list[bytes]
) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(LINES + line)
    counters = FileCounters(tmp_path)
    address = f"dlms+wrapper://127.0.0.1:{{}}?auth=gmac&counter=1&keys={file}"
    found = asyncio.run(twice(address, {}, counters))
    assert [(len(each.registers), each.refused) for each in found] == [(1, [])] * 2
    assert len(set(drawn)) == len({*drawn, GIVEN}) - 1 == 2
    assert {len(key) for key in drawn} == {16}
    counters.save()
    kept = counters.path.read_text().splitlines()[1:-1]
    assert len(kept) == 2, "counters of keys that never come again were kept"


def test_whether_a_dedicated_key_is_wanted(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    for line, wanted in (
        ("", False),
        ("dedicated = true", True),
        ("dedicated = false", False),
        (f'dedicated = "{GIVEN.hex()}"', True),
        (f'dedicated_key = "{GIVEN.hex()}"', True),
    ):
        file.write_text(LINES + line)
        keys = meter_keys.find(str(file), {})
        assert (keys.dedicated, keys.draw_dedicated() is not None) == (wanted, wanted)
    given = {"AMI_METER_ENCRYPTION_KEY": KEY.hex(), "AMI_METER_AUTHENTICATION_KEY": AUTHENTICATION.hex()}
    assert not meter_keys.find("", given).dedicated
    assert meter_keys.find("", {**given, "AMI_METER_DEDICATED": "yes"}).dedicated
    assert meter_keys.find("", {**given, "AMI_METER_DEDICATED_KEY": GIVEN.hex()}).dedicated
    file.write_text(LINES + 'dedicated = "perhaps"')
    with pytest.raises(BadAddress, match="must be true or false"):
        meter_keys.find(str(file), {})
