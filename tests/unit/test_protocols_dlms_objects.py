"""Objects as values: out of their attributes and back, and behind a meter's half."""

from decimal import Decimal

import pytest

from protocols.dlms import axdr
from protocols.dlms.apdu import Attribute
from protocols.dlms.axdr import Data, Tag
from protocols.dlms.client import ClientConnection
from protocols.dlms.clock import CosemTime
from protocols.dlms.enums import ActionResult, Context, DataAccessResult, Mechanism
from protocols.dlms.events import Acted, Got, WasSet
from protocols.dlms.objects import InterfaceClass, ScalerUnit, read_capture_objects
from protocols.dlms.objects.activity import DayAction
from protocols.dlms.objects.addresses import MAX_COLUMNS
from protocols.dlms.objects.associations import (
    MAX_OBJECTS,
    AccessMode,
    AssociationLn,
    AttributeRight,
    ListedObject,
    MethodRight,
)
from protocols.dlms.objects.clocks import ClockObject
from protocols.dlms.objects.disconnecting import ControlMode, ControlState, DisconnectControl, SwitchEvent
from protocols.dlms.objects.holding import Holding
from protocols.dlms.objects.registers import ExtendedRegister, Register
from protocols.dlms.objects.securing import KeyKind, SecurityObject, WrappedKey
from protocols.dlms.selection import EntrySelection
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.errors import DecodeError
from protocols.obis import Obis, obis
from tests.cosem_objects import (
    EVERY_YEAR,
    OBJECTS,
    STAMP,
    SWITCH,
    WH,
)
from tests.dlms_line import associated, exchange


@pytest.mark.parametrize("number", range(len(OBJECTS)))
def test_out_of_attributes_and_back(number: int) -> None:
    """Over the wire: attribute by attribute encoded and decoded."""
    held = OBJECTS[number]
    attributes = {at: axdr.decode(axdr.encode(data)) for at, data in held.to_attributes().items()}
    assert type(held).from_attributes(held.obis, attributes) == held


@pytest.mark.parametrize("number", range(len(OBJECTS)))
def test_what_is_missing_or_of_another_kind_is_told(number: int) -> None:
    held = OBJECTS[number]
    attributes = held.to_attributes()
    wrong = axdr.structure(Data(Tag.FLOAT32, 1.0))
    free = {1: (2,), 4: (2, 4), 5: (2, 3, 5), 7: (2,)}.get(held.CLASS_ID, ()) + (
        (2,) if held.CLASS_ID == 3 else ()
    )
    for at in attributes:
        if at not in free:
            with pytest.raises(DecodeError):
                type(held).from_attributes(held.obis, {**attributes, at: wrong})
    if held.CLASS_ID != InterfaceClass.DATA:
        with pytest.raises(DecodeError, match="was not read"):
            type(held).from_attributes(held.obis, {})


def test_values_in_their_unit() -> None:
    register = Register(obis("1.0.1.8.0"), axdr.double_long_unsigned(123456), ScalerUnit(-2, 30))
    assert register.scaled == Decimal("1234.56")
    assert ExtendedRegister(register.obis, axdr.long_unsigned(7), WH).scaled == 7
    with pytest.raises(DecodeError, match="an integer was expected"):
        _ = Register(register.obis, axdr.octet_string(b""), WH).scaled


def test_an_object_list_of_a_real_meter() -> None:
    """Recorded: the clock's line, read and written throughout, methods as booleans (version 0)."""
    rights = "".join(f"02030f{number:02x}160300" for number in range(1, 10))
    methods = "".join(f"02020f{number:02x}03ff" for number in range(1, 7))
    raw = bytes.fromhex(f"0204120008110009060000010000ff02020109{rights}0106{methods}")
    line = ListedObject.from_data(axdr.decode(raw))
    assert (line.class_id, line.version, str(line.obis)) == (8, 0, "0.0.1.0.0.255")
    assert [right.attribute for right in line.attributes] == list(range(1, 10))
    assert line.methods == tuple(MethodRight(number, True) for number in range(1, 7))
    assert line.may(2)
    assert line.may(9, write=True)
    assert not line.may(10)


@pytest.mark.parametrize(
    ("mode", "read", "write"),
    [
        (0, False, False),
        (1, True, False),
        (2, False, True),
        (4, True, False),
        (5, False, True),
        (6, True, True),
    ],
)
def test_rights(mode: int, read: bool, write: bool) -> None:
    line = ListedObject(3, 0, obis("1.0.1.8.0"), (AttributeRight(2, mode),))
    assert (line.may(2), line.may(2, write=True)) == (read, write)
    assert AssociationLn(obis("0.0.40.0.0"), (line,)).find(line.obis) == line
    assert AssociationLn(obis("0.0.40.0.0"), (line,)).find(obis("0.0.1.0.0")) is None


def test_names_as_seven_numbers() -> None:
    """Some meters write context and mechanism as structures, not as object identifiers."""

    def named(kind: int, number: int) -> Data:
        return axdr.structure(
            axdr.unsigned(2), axdr.unsigned(16), axdr.long_unsigned(756),
            *[axdr.unsigned(part) for part in (5, 8, kind, number)],
        )  # fmt: skip

    held = AssociationLn.from_attributes(
        obis("0.0.40.0.0"), {2: axdr.array(), 4: named(1, 1), 6: named(2, 5)}
    )
    assert (held.context, held.mechanism) == (Context.LN, Mechanism.HLS_GMAC)
    for wrong in (named(2, 1), named(1, 9), axdr.octet_string(bytes(7))):
        with pytest.raises(DecodeError):
            AssociationLn.from_attributes(obis("0.0.40.0.0"), {2: axdr.array(), 4: wrong})
    with pytest.raises(DecodeError, match="association status"):
        AssociationLn.from_attributes(obis("0.0.40.0.0"), {2: axdr.array(), 8: axdr.enum(7)})
    with pytest.raises(DecodeError, match="no kind of key"):
        WrappedKey.from_data(axdr.structure(axdr.enum(9), axdr.octet_string(b"")))
    with pytest.raises(DecodeError, match="control"):
        DisconnectControl.from_attributes(
            SWITCH.obis, {2: Data(Tag.BOOLEAN, True), 3: axdr.enum(3), 4: axdr.enum(0)}
        )


def test_lists_are_bounded() -> None:
    with pytest.raises(DecodeError, match="object list of"):
        AssociationLn.from_attributes(obis("0.0.40.0.0"), {2: axdr.array(*[axdr.NULL] * (MAX_OBJECTS + 1))})
    with pytest.raises(DecodeError, match="columns"):
        read_capture_objects(axdr.array(*[axdr.NULL] * (MAX_COLUMNS + 1)))


def test_keys_travel_wrapped_and_are_not_shown() -> None:
    key = WrappedKey(KeyKind.GLOBAL_UNICAST, bytes(24))
    assert WrappedKey.from_data(key.to_data()) == key
    assert SecurityObject.key_transfer([key]) == axdr.array(key.to_data())
    assert bytes(24).hex() not in repr(key)
    assert "0000" not in repr(key)


def test_a_day_action_under_the_tag_of_a_time() -> None:
    data = axdr.structure(
        Data(Tag.TIME, CosemTime(6, 0, 0, 0)), axdr.octet_string(bytes(6)), axdr.long_unsigned(1)
    )
    assert DayAction.from_data(data).start == CosemTime(6, 0, 0, 0)


OFF, ON, READY = ControlState.DISCONNECTED, ControlState.CONNECTED, ControlState.READY_FOR_RECONNECTION
DO = SwitchEvent


@pytest.mark.parametrize(
    ("mode", "state", "event", "after"),
    [
        (0, ON, DO.REMOTE_DISCONNECT, None),
        (1, ON, DO.REMOTE_DISCONNECT, OFF),
        (1, OFF, DO.REMOTE_RECONNECT, READY),
        (1, READY, DO.MANUAL_RECONNECT, ON),
        (1, ON, DO.MANUAL_DISCONNECT, READY),
        (1, READY, DO.LOCAL_RECONNECT, None),
        (2, OFF, DO.REMOTE_RECONNECT, ON),
        (3, ON, DO.MANUAL_DISCONNECT, None),
        (4, OFF, DO.REMOTE_RECONNECT, ON),
        (4, ON, DO.LOCAL_DISCONNECT, READY),
        (4, READY, DO.REMOTE_DISCONNECT, OFF),
        (5, READY, DO.LOCAL_RECONNECT, ON),
        (6, OFF, DO.REMOTE_RECONNECT, READY),
        (6, OFF, DO.REMOTE_DISCONNECT, None),
    ],
)
def test_switches_move_as_their_mode_allows(
    mode: int, state: ControlState, event: SwitchEvent, after: ControlState | None
) -> None:
    """IEC 62056-6-2, disconnect control: state diagram and table of modes."""
    found = DisconnectControl(SWITCH.obis, state is ON, state, ControlMode(mode)).after(event)
    assert (None if found is None else found.state) == after
    if found is not None:
        assert found.output is (after is ON)


def served() -> tuple[Holding, ServerConnection, ClientConnection]:
    register = Register(obis("1.0.1.8.0"), axdr.double_long_unsigned(5), WH)
    clock = ClockObject(obis("0.0.1.0.0"), STAMP, -420)
    holding = Holding(
        [register, clock, SWITCH],
        writable=[(8, clock.obis, 2)],
        methods={
            (3, register.obis, 1): lambda held, _: Register(held.obis, axdr.double_long_unsigned(0), WH),
            (8, clock.obis, 6): lambda _, seconds: seconds or ActionResult.TYPE_UNMATCHED,
        },
    )
    line = ServerConnection({1: Device(holding, {16: ClientAccess()})})
    return holding, line, associated(line)


def test_a_meter_made_of_objects_is_read_written_and_switched() -> None:
    holding, line, client = served()
    clock, energy = Attribute(8, obis("0.0.1.0.0"), 2), Attribute(3, obis("1.0.1.8.0"), 2)
    later = axdr.date_time(EVERY_YEAR)
    assert exchange(client, line, client.set(clock, later)) == [WasSet(clock, DataAccessResult.SUCCESS)]
    assert exchange(client, line, client.get(clock)) == [Got(clock, axdr.encode(later))]
    reset = Attribute(3, energy.obis, 1)
    assert exchange(client, line, client.act(reset)) == [Acted(reset, ActionResult.SUCCESS, None)]
    assert exchange(client, line, client.get(energy)) == [Got(energy, bytes.fromhex("0600000000"))]
    shift = Attribute(8, clock.obis, 6)
    assert exchange(client, line, client.act(shift, axdr.integer(3))) == [
        Acted(shift, ActionResult.SUCCESS, b"\x0f\x03")
    ]
    opening, closing = (Attribute(70, SWITCH.obis, number) for number in (1, 2))
    zero = axdr.integer(0)
    assert exchange(client, line, client.act(opening, zero)) == [Acted(opening, ActionResult.SUCCESS, None)]
    assert exchange(client, line, client.act(opening, zero)) == [
        Acted(opening, ActionResult.OTHER_REASON, None)
    ]
    switch = holding.objects[70, SWITCH.obis]
    assert isinstance(switch, DisconnectControl)
    assert (switch.output, switch.state) == (False, OFF)
    assert exchange(client, line, client.act(closing, zero)) == [Acted(closing, ActionResult.SUCCESS, None)]


@pytest.mark.parametrize(
    ("class_id", "name", "attribute", "result"),
    [
        (8, "0.0.1.0.0", 3, DataAccessResult.READ_WRITE_DENIED),
        (8, "0.0.1.0.0", 2, DataAccessResult.TYPE_UNMATCHED),
        (3, "0.0.1.0.0", 2, DataAccessResult.OBJECT_CLASS_INCONSISTENT),
        (3, "9.9.9.9.9", 2, DataAccessResult.OBJECT_UNDEFINED),
    ],
)
def test_what_may_not_be_written(class_id: int, name: str, attribute: int, result: DataAccessResult) -> None:
    _, line, client = served()
    place = Attribute(class_id, obis(name), attribute)
    assert exchange(client, line, client.set(place, axdr.NULL)) == [WasSet(place, result)]
    (acted,) = exchange(client, line, client.act(Attribute(class_id, obis(name), 9)))
    assert isinstance(acted, Acted)
    assert acted.result is not ActionResult.SUCCESS
    (got,) = exchange(client, line, client.get(Attribute(class_id, obis(name), 77)))
    assert isinstance(got, Got)
    assert isinstance(got.result, DataAccessResult)


def test_a_meter_lists_what_it_holds() -> None:
    holding, line, client = served()
    listed = AssociationLn(obis("0.0.40.0.0"), holding.listed())
    read = AssociationLn.from_attributes(listed.obis, listed.to_attributes())
    clock = read.find(obis("0.0.1.0.0"))
    assert clock is not None
    assert clock.may(2, write=True)
    assert not clock.may(3, write=True)
    switch = read.find(SWITCH.obis)
    assert switch is not None
    assert [right.method for right in switch.methods] == [1, 2]
    assert AccessMode.READ in {right.mode for right in switch.attributes}
    name = Attribute(8, obis("0.0.1.0.0"), 1)
    assert exchange(client, line, client.get(name)) == [Got(name, bytes.fromhex("09060000010000ff"))]
    (got,) = exchange(client, line, client.get(Attribute(8, Obis(0, 0, 1, 0, 0), 2), EntrySelection(1)))
    assert isinstance(got, Got)
    assert got.result is DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
