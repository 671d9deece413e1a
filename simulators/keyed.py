"""A simulated meter with keys of its own: what opens it, what it has heard, and how it takes new keys.

New keys hold from the next association on; the answer to whoever brought them still goes under the old ones
(IEC 62056-6-2, security setup, key_transfer). All keys of one transfer are taken, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from model.grid import SecretKeys
from protocols.dlms import axdr, objects
from protocols.dlms.axdr import Data, Tag, items_of
from protocols.dlms.client import DEFAULT_CONFORMANCE
from protocols.dlms.enums import ActionResult, Context, DataAccessResult, Mechanism
from protocols.dlms.objects import InterfaceClass
from protocols.dlms.objects.securing import KeyKind, SecurityObject, WrappedKey
from protocols.dlms.security import MemoryCounters, Protection, SecuritySetup, Suite, key_wrap
from protocols.dlms.selection import CLOCK_OBIS
from protocols.dlms.server import ClientAccess, Device
from protocols.errors import DecodeError, SecurityError
from protocols.meter_models.model import DlmsSettings, Keyed
from protocols.obis import Obis
from simulators.association import CURRENT_ASSOCIATION, Association, Terms
from simulators.chance import stream
from simulators.dlms_meter import LOGICAL_DEVICE, LOGICAL_DEVICE_NAME, Answer, DlmsMeter, Lent, Selection

POLICY: Final = 0b0110_1100  # requests and responses authenticated and encrypted
_BORN: Final = datetime(2020, 1, 1, tzinfo=UTC)


class HighestHeard(MemoryCounters):
    """Counters that tell the highest heard from anybody, as a meter's invocation counter object does."""

    highest = 0

    def hear(self, key_name: str, counter: int) -> None:
        """See `CounterStore`."""
        super().hear(key_name, counter)
        self.highest = max(self.highest, counter)


def drawn(seed: int, serial: str) -> SecretKeys:
    """The keys a meter leaves its maker with."""
    chance = stream("keys", seed, serial)
    encryption, authentication, master = (chance.randbytes(16).hex() for _ in range(3))
    return SecretKeys(encryption, authentication, master)


class Keyring:
    """What one meter holds. Its own counter only grows, over restarts of the simulator as well."""

    __slots__ = ("authentication", "changes", "counters", "encryption", "master", "title")

    def __init__(self, serial: str, keys: SecretKeys, now: datetime) -> None:
        self.title = b"DKE" + int(serial).to_bytes(5, "big")
        self.encryption = bytes.fromhex(keys.encryption)
        self.authentication = bytes.fromhex(keys.authentication)
        self.master = bytes.fromhex(keys.master)
        self.counters = HighestHeard(int((now - _BORN).total_seconds()))
        self.changes = 0

    @property
    def setup(self) -> SecuritySetup:
        """For an association that opens now."""
        return SecuritySetup(self.title, self.encryption, self.authentication)

    def sealed(self, message: bytes) -> bytes:
        """A message that nobody asked for, with the title that says whose keys open it."""
        return Protection(replace(self.setup, general=True), self.counters).protect(message)

    def take(self, parameters: Data | None) -> ActionResult:
        """Method 2 of the security setup."""
        try:
            items = items_of(parameters or axdr.NULL, Tag.ARRAY, "keys")
            given = [WrappedKey.from_data(item) for item in items]
            fresh = {one.kind: key_wrap.unwrap(Suite.GCM_128, self.master, one.wrapped) for one in given}
        except (DecodeError, SecurityError):
            return ActionResult.OTHER_REASON
        if KeyKind.GLOBAL_BROADCAST in fresh or not fresh:
            return ActionResult.OTHER_REASON
        if KeyKind.GLOBAL_UNICAST in fresh:
            self.encryption = fresh[KeyKind.GLOBAL_UNICAST]
            self.counters.highest = 0
        self.authentication = fresh.get(KeyKind.AUTHENTICATION, self.authentication)
        self.master = fresh.get(KeyKind.MASTER, self.master)
        self.changes += 1
        return ActionResult.SUCCESS


class _View(Association):
    """What a client of such a meter finds: security objects beside those of the meter."""

    def __init__(self, meter: DlmsMeter | Lent, terms: Terms, ring: Keyring, keyed: Keyed) -> None:
        super().__init__(meter, terms)
        self._ring, self._keyed, self._proven = ring, keyed, terms.shown is None

    def read(self, class_id: int, obis: Obis, attribute: int, selection: Selection) -> Answer:
        """One attribute, or why it cannot be had."""
        if (class_id, obis, attribute) == (InterfaceClass.DATA, self._keyed.counter, objects.VALUE):
            return axdr.double_long_unsigned(self._ring.counters.highest)
        if (class_id, obis) == (InterfaceClass.SECURITY_SETUP, self._keyed.setup) and self._proven:
            held = SecurityObject(obis, POLICY, Suite.GCM_128, b"", self._ring.title)
            found = held.to_attributes().get(attribute)
            return DataAccessResult.READ_WRITE_DENIED if found is None else found
        return super().read(class_id, obis, attribute, selection)

    def act(self, class_id: int, obis: Obis, method: int, parameters: Data | None) -> ActionResult:
        """Invoke one method; new keys are taken of who has proved himself."""
        if (class_id, obis) == (InterfaceClass.SECURITY_SETUP, self._keyed.setup) and self._proven:
            if method != SecurityObject.KEY_TRANSFER:
                return ActionResult.READ_WRITE_DENIED
            result = self._ring.take(parameters)
            if result is ActionResult.SUCCESS:
                self._meter.instrument.note("keys", "changed")
            return result
        return super().act(class_id, obis, method, parameters)


class _Clients(Mapping[int, ClientAccess]):
    """Who may come in, with the keys as they are when somebody does."""

    def __init__(self, meter: DlmsMeter | Lent, ring: Keyring, settings: DlmsSettings, max_pdu: int) -> None:
        keyed = settings.keyed or Keyed()
        public = frozenset((CURRENT_ASSOCIATION, CLOCK_OBIS, LOGICAL_DEVICE_NAME))
        self._known: dict[int, Callable[[], ClientAccess]] = {
            keyed.public_client: lambda: ClientAccess(
                objects=_View(
                    meter, Terms(keyed.public_client, LOGICAL_DEVICE, Mechanism.NONE, Context.LN,
                                 DEFAULT_CONFORMANCE, max_pdu, public), ring, keyed,
                )
            ),
            settings.client: lambda: ClientAccess(
                Mechanism.HLS_GMAC,
                None,
                _View(
                    meter, Terms(settings.client, LOGICAL_DEVICE, Mechanism.HLS_GMAC, Context.LN_CIPHERED,
                                 DEFAULT_CONFORMANCE, max_pdu), ring, keyed,
                ),
                ring.setup,
                ring.counters,
            ),
        }  # fmt: skip

    def __getitem__(self, client: int) -> ClientAccess:
        return self._known[client]()

    def __iter__(self) -> Iterator[int]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def device(meter: DlmsMeter | Lent, ring: Keyring, max_pdu: int) -> Device:
    """The meter as it stands on a line: nothing opens it but its keys; its counter anybody may read."""
    settings = meter.instrument.model.dlms
    largest = min(max_pdu, settings.max_pdu)
    return Device(meter, _Clients(meter, ring, settings, largest), largest)
