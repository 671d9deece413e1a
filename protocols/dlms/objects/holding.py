"""Objects as values behind a meter's half: read, written and acted upon as their access rights allow."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from protocols.dlms import axdr
from protocols.dlms.axdr import Data
from protocols.dlms.enums import ActionResult, DataAccessResult
from protocols.dlms.objects.addresses import LOGICAL_NAME
from protocols.dlms.objects.associations import AccessMode, AttributeRight, ListedObject, MethodRight
from protocols.dlms.objects.disconnecting import DisconnectControl, SwitchEvent
from protocols.dlms.objects.held import CosemObject
from protocols.dlms.selection import EntrySelection, RangeAsked
from protocols.errors import DecodeError
from protocols.obis import Obis

Acting: TypeAlias = Callable[[CosemObject, Data | None], CosemObject | Data | ActionResult]
"""What a method does: the object afterwards, or what it returned, or why it did nothing."""
Place: TypeAlias = tuple[int, Obis]
_SWITCHES = {
    DisconnectControl.REMOTE_DISCONNECT: SwitchEvent.REMOTE_DISCONNECT,
    DisconnectControl.REMOTE_RECONNECT: SwitchEvent.REMOTE_RECONNECT,
}


class Holding:
    """A `WritableObjectServer` of objects as values.

    `writable` are the attributes that may be set, `methods` what further methods do, by class, name and
    number; the remote methods of a disconnect control are there by themselves. An object written or acted
    upon is replaced by its next value: `objects` are the present ones.
    """

    def __init__(
        self,
        objects: Iterable[CosemObject],
        writable: Iterable[tuple[int, Obis, int]] = (),
        methods: Mapping[tuple[int, Obis, int], Acting] | None = None,
    ) -> None:
        self.objects: dict[Place, CosemObject] = {(held.CLASS_ID, held.obis): held for held in objects}
        self._writable = frozenset(writable)
        self._methods: dict[tuple[int, Obis, int], Acting] = {}
        for held in self.objects.values():
            if isinstance(held, DisconnectControl):
                for number, event in _SWITCHES.items():
                    self._methods[held.CLASS_ID, held.obis, number] = _switching(event)
        self._methods |= methods or {}

    def listed(self) -> tuple[ListedObject, ...]:
        """The object list, each with what may be done to it."""
        return tuple([self._line(held) for held in self.objects.values()])

    def read(
        self, class_id: int, obis: Obis, attribute: int, selection: RangeAsked | EntrySelection | None
    ) -> Data | bytes | DataAccessResult:
        """See `ObjectServer`; nothing here can be read in part."""
        held = self.objects.get((class_id, obis))
        if held is None:
            return self._absent(obis)
        if attribute == LOGICAL_NAME:
            return axdr.octet_string(obis.to_bytes())
        if selection is not None:
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        return held.to_attributes().get(attribute, DataAccessResult.READ_WRITE_DENIED)

    def write(self, class_id: int, obis: Obis, attribute: int, value: Data) -> DataAccessResult:
        """See `WritableObjectServer`; a value the object cannot hold is a type unmatched."""
        held = self.objects.get((class_id, obis))
        if held is None:
            return self._absent(obis)
        if (class_id, obis, attribute) not in self._writable:
            return DataAccessResult.READ_WRITE_DENIED
        try:
            self.objects[class_id, obis] = held.from_attributes(
                obis, {**held.to_attributes(), attribute: value}
            )
        except DecodeError:
            return DataAccessResult.TYPE_UNMATCHED
        return DataAccessResult.SUCCESS

    def act(self, class_id: int, obis: Obis, method: int, parameters: Data | None) -> ActionResult | Data:
        """See `WritableObjectServer`."""
        held = self.objects.get((class_id, obis))
        if held is None:
            return ActionResult(self._absent(obis))
        acting = self._methods.get((class_id, obis, method))
        if acting is None:
            return ActionResult.READ_WRITE_DENIED
        found = acting(held, parameters)
        if isinstance(found, (Data, ActionResult)):
            return found
        self.objects[class_id, obis] = found
        return ActionResult.SUCCESS

    def _absent(self, obis: Obis) -> DataAccessResult:
        known = any(name == obis for _, name in self.objects)
        return DataAccessResult.OBJECT_CLASS_INCONSISTENT if known else DataAccessResult.OBJECT_UNDEFINED

    def _line(self, held: CosemObject) -> ListedObject:
        class_id, obis = held.CLASS_ID, held.obis
        rights = [
            AttributeRight(
                number,
                AccessMode.READ_AND_WRITE if (class_id, obis, number) in self._writable else AccessMode.READ,
            )
            for number in (LOGICAL_NAME, *held.to_attributes())
        ]
        methods = [
            MethodRight(number, 1) for kind, name, number in self._methods if (kind, name) == (class_id, obis)
        ]
        return ListedObject(class_id, held.VERSION, obis, tuple(rights), tuple(methods))


def _switching(event: SwitchEvent) -> Acting:
    def switch(held: CosemObject, parameters: Data | None) -> CosemObject | ActionResult:
        after = held.after(event) if isinstance(held, DisconnectControl) else None
        return ActionResult.OTHER_REASON if after is None else after

    return switch
