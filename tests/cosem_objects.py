"""COSEM objects of every class, as a meter may hold them: with all of their attributes and with few."""

from datetime import datetime, timedelta, timezone

from protocols.dlms import axdr
from protocols.dlms.clock import CosemDate, CosemDateTime, CosemTime
from protocols.dlms.enums import Conformance, Context, Mechanism
from protocols.dlms.objects import ScalerUnit
from protocols.dlms.objects.activity import ActivityCalendar, Calendar, DayAction, DayProfile, Season, Week
from protocols.dlms.objects.associations import (
    AssociationLn,
    AssociationStatus,
    AttributeRight,
    ListedObject,
    MethodRight,
    XdlmsContext,
)
from protocols.dlms.objects.clocks import ClockBase, ClockObject
from protocols.dlms.objects.disconnecting import ControlMode, ControlState, DisconnectControl
from protocols.dlms.objects.held import CosemObject
from protocols.dlms.objects.limiting import Limiter
from protocols.dlms.objects.profiles import ProfileGeneric, SortMethod
from protocols.dlms.objects.pushing import PushObject, PushSetup, PushTarget, PushWindow
from protocols.dlms.objects.registers import DataObject, DemandRegister, ExtendedRegister, Register
from protocols.dlms.objects.securing import Certificate, SecurityObject
from protocols.dlms.selection import CLOCK_COLUMN, CaptureObject
from protocols.obis import obis

WH = ScalerUnit(0, 30)
STAMP = CosemDateTime.from_datetime(datetime(2026, 11, 22, 0, 30, tzinfo=timezone(timedelta(hours=7))))
EVERY_YEAR = CosemDateTime(CosemDate(month=10, day=0xFE, weekday=7), CosemTime(2, 0, 0, 0))
"""The last Sunday of October, whatever the year."""
COLUMN = CaptureObject(3, obis("1.0.1.8.0"))
DAY = DayProfile(1, (DayAction(CosemTime(6, 0, 0, 0), obis("0.0.10.0.100"), 2),))
CALENDAR = Calendar(
    b"2026",
    (Season(b"all", CosemDateTime(CosemDate(month=1, day=1), CosemTime(0, 0, 0, 0)), b"week"),),
    (Week(b"week", (1, 1, 1, 1, 1, 1, 2)),),
    (DAY, DayProfile(2, ())),
)
CLOCK_LINE = ListedObject(
    8, 0, obis("0.0.1.0.0"), (AttributeRight(1, 1), AttributeRight(2, 3, (1, 2))), (MethodRight(6, 1),)
)
SWITCH = DisconnectControl(obis("0.0.96.3.10"), True, ControlState.CONNECTED, ControlMode.MODE_4)

OBJECTS: list[CosemObject] = [
    DataObject(obis("0.0.96.1.0"), axdr.octet_string(b"12345678")),
    Register(obis("1.0.1.8.0"), axdr.double_long_unsigned(123456), ScalerUnit(1, 30)),
    ExtendedRegister(obis("1.0.1.6.0"), axdr.long_unsigned(77), WH, axdr.unsigned(0), STAMP),
    ExtendedRegister(obis("1.0.1.6.0"), axdr.long_unsigned(77), WH),
    DemandRegister(obis("1.0.1.4.0"), axdr.long_unsigned(5), axdr.long_unsigned(6), ScalerUnit(0, 27)),
    DemandRegister(
        obis("1.0.1.4.0"), axdr.NULL, axdr.NULL, WH, axdr.unsigned(1), STAMP, STAMP, period=1800, periods=1
    ),
    ProfileGeneric(obis("1.0.99.1.0"), (CLOCK_COLUMN, COLUMN)),
    ProfileGeneric(
        obis("1.0.99.1.0"),
        (CLOCK_COLUMN, COLUMN),
        1800,
        SortMethod.FIFO,
        CLOCK_COLUMN,
        1920,
        4320,
        axdr.array(),
    ),
    ProfileGeneric(obis("1.0.99.1.0"), (), sorting=77),
    ClockObject(obis("0.0.1.0.0"), STAMP),
    Limiter(obis("0.0.17.0.0"), axdr.double_long_unsigned(4400), axdr.double_long_unsigned(5500), 60),
    Limiter(obis("0.0.17.0.0"), axdr.long_unsigned(44), axdr.long_unsigned(44)),
    ClockObject(
        obis("0.0.1.0.0"), STAMP, -420, None, EVERY_YEAR, EVERY_YEAR, 60, saving=False, base=ClockBase.CRYSTAL
    ),
    ClockObject(obis("0.0.1.0.0"), STAMP, base=99),
    AssociationLn(obis("0.0.40.0.0"), (CLOCK_LINE,)),
    AssociationLn(
        obis("0.0.40.0.0"),
        (CLOCK_LINE, ListedObject(1, 0, obis("0.0.42.0.0"), (), (MethodRight(1, True),))),
        (16, 1),
        Context.LN_CIPHERED,
        XdlmsContext(Conformance.GET | Conformance.SET, 1024, 200),
        Mechanism.HLS_GMAC,
        AssociationStatus.ASSOCIATED,
        obis("0.0.43.0.0"),
    ),
    SWITCH,
    ActivityCalendar(obis("0.0.13.0.0"), CALENDAR),
    ActivityCalendar(obis("0.0.13.0.0"), CALENDAR, CALENDAR, EVERY_YEAR),
    PushSetup(obis("0.0.25.9.0"), (), PushTarget(0, b"10.0.0.1:4059")),
    PushSetup(
        obis("0.0.25.9.0"),
        (PushObject(8, obis("0.0.1.0.0"), 2), PushObject(3, obis("1.0.1.8.0"), 2, 0)),
        PushTarget(1, b"[fd00::1]:4059", 0),
        (PushWindow(EVERY_YEAR, EVERY_YEAR),),
        60,
        3,
        10,
    ),
    SecurityObject(obis("0.0.43.0.0"), 0x6C, 0),
    SecurityObject(
        obis("0.0.43.0.0"), 0, 1, b"HEAD-END", b"ELSMETER", (Certificate(1, 2, b"1", b"2", b"3", b""),)
    ),
]
