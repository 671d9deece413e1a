"""What one client finds in a simulated DLMS meter: its objects, or some of them, and the association itself.

IEC 62056-6-2, association LN (class 15, version 1): every client reads a list of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from protocols.dlms import axdr, objects
from protocols.dlms.axdr import Data
from protocols.dlms.client import DEFAULT_CONFORMANCE
from protocols.dlms.enums import ActionResult, Conformance, Context, DataAccessResult, Mechanism
from protocols.dlms.initiate import DLMS_VERSION
from protocols.dlms.objects import InterfaceClass
from protocols.dlms.objects.associations import (
    AccessMode,
    AssociationStatus,
    AttributeRight,
    ListedObject,
    MethodRight,
    XdlmsContext,
)  # fmt: skip
from protocols.dlms.server import ClientAccess, Device
from protocols.dlms.server_access import WritableObjectServer
from protocols.obis import Obis
from simulators.dlms_meter import LOGICAL_DEVICE, Answer, DlmsMeter, Lent, Selection

CURRENT_ASSOCIATION: Final = Obis(0, 0, 40, 0, 0, 255)
SECURITY_SETUP: Final = Obis(0, 0, 43, 0, 0, 255)
_VERSIONS: Final[dict[int, int]] = {InterfaceClass.PROFILE_GENERIC: 1, InterfaceClass.ASSOCIATION_LN: 1}
_SECRET: Final = 7
_REPLY_TO_HLS: Final = 1
_CONTEXT_NAME: Final = bytes.fromhex("60857405080100")  # 2.16.756.5.8.1.x
_MECHANISM_NAME: Final = bytes.fromhex("60857405080200")  # 2.16.756.5.8.2.x


@dataclass(frozen=True, slots=True)
class Terms:
    """How a client is let in; `shown` are the objects it sees, None for all."""

    client: int
    server: int
    mechanism: Mechanism
    context: Context
    conformance: Conformance
    max_pdu: int
    shown: frozenset[Obis] | None = None


def device(meter: DlmsMeter | Lent, max_pdu: int) -> Device:
    """A meter of a fleet as it stands on a line: its model says who may read it."""
    settings = meter.instrument.model.dlms
    password = meter.instrument.hung.password.encode() if settings.mechanism is Mechanism.LLS else None
    largest = min(max_pdu, settings.max_pdu)
    terms = Terms(
        settings.client, LOGICAL_DEVICE, settings.mechanism, Context.LN, DEFAULT_CONFORMANCE, largest
    )
    return Device(
        Association(meter, terms), {settings.client: ClientAccess(settings.mechanism, password)}, largest
    )


class Association(WritableObjectServer):
    """The `ObjectServer` of one client of one meter."""

    def __init__(self, meter: DlmsMeter | Lent, terms: Terms) -> None:
        self._meter = meter
        self._terms = terms
        self._own: dict[int, Callable[[], Answer]] = {
            1: lambda: axdr.octet_string(CURRENT_ASSOCIATION.to_bytes()),
            2: self._object_list,
            3: lambda: axdr.structure(axdr.integer(terms.client), axdr.long_unsigned(terms.server)),
            4: lambda: axdr.octet_string(_CONTEXT_NAME[:-1] + bytes((terms.context,))),
            5: self._xdlms_context,
            6: lambda: axdr.octet_string(_MECHANISM_NAME[:-1] + bytes((terms.mechanism,))),
            _SECRET: lambda: DataAccessResult.READ_WRITE_DENIED,
            8: lambda: axdr.enum(AssociationStatus.ASSOCIATED),
            9: lambda: axdr.octet_string(SECURITY_SETUP.to_bytes()),
        }

    def read(self, class_id: int, obis: Obis, attribute: int, selection: Selection) -> Answer:
        """One attribute, or why it cannot be had; what this client is not shown is not there for it."""
        if (class_id, obis) == (InterfaceClass.ASSOCIATION_LN, CURRENT_ASSOCIATION):
            answer = self._own.get(attribute)
            if answer is None:
                return DataAccessResult.READ_WRITE_DENIED
            return answer() if selection is None else DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        if not self._sees(obis):
            return DataAccessResult.OBJECT_UNDEFINED
        return self._meter.read(class_id, obis, attribute, selection)

    def write(self, class_id: int, obis: Obis, attribute: int, value: Data) -> DataAccessResult:
        """Set one attribute; who sees a part of the meter only may set nothing."""
        if self._terms.shown is not None:
            return self._kept_from(obis)
        return self._meter.write(class_id, obis, attribute, value)

    def act(self, class_id: int, obis: Obis, method: int, parameters: Data | None) -> ActionResult:
        """Invoke one method, under the same terms."""
        if self._terms.shown is not None:
            return ActionResult(self._kept_from(obis))
        return self._meter.act(class_id, obis, method, parameters)

    def _sees(self, obis: Obis) -> bool:
        return self._terms.shown is None or obis in self._terms.shown

    def _kept_from(self, obis: Obis) -> DataAccessResult:
        return DataAccessResult.READ_WRITE_DENIED if self._sees(obis) else DataAccessResult.OBJECT_UNDEFINED

    def _object_list(self) -> Answer:
        shown = self._terms.shown
        own = (InterfaceClass.ASSOCIATION_LN, CURRENT_ASSOCIATION)
        listed = {
            each: numbers
            for each, numbers in self._meter.listed().items()
            if shown is None or each[1] in shown
        }
        listed[own] = tuple(self._own)
        return axdr.array(
            *(
                self._entry(class_id, obis, listed[class_id, obis]).to_data()
                for class_id, obis in sorted(listed)
            )
        )

    def _xdlms_context(self) -> Answer:
        terms = self._terms
        return XdlmsContext(terms.conformance, terms.max_pdu, terms.max_pdu, DLMS_VERSION).to_data()

    def _entry(self, class_id: int, obis: Obis, numbers: Iterable[int]) -> ListedObject:
        """An element of the object list: class, version, name, and what may be done with it."""
        may_write = self._terms.shown is None
        association = class_id == InterfaceClass.ASSOCIATION_LN
        rights = []
        for number in sorted(numbers):
            mode = AccessMode.NONE if association and number == _SECRET else AccessMode.READ
            if may_write and (class_id, obis, number) in self._meter.controls.writers:
                mode = AccessMode.READ_AND_WRITE
            by_row = class_id == InterfaceClass.PROFILE_GENERIC and number == objects.VALUE
            rights.append(AttributeRight(number, mode, (1, 2) if by_row else None))
        methods: tuple[MethodRight, ...] = (MethodRight(_REPLY_TO_HLS, 1),) if association else ()
        if may_write:
            known = self._meter.controls.methods
            methods += tuple(
                MethodRight(number, 1) for kind, name, number in known if (kind, name) == (class_id, obis)
            )
        return ListedObject(class_id, _VERSIONS.get(class_id, 0), obis, tuple(rights), methods)
