"""One meter with all the ports a meter can have: what is asked of it, and who it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from model.period import require_aware
from protocols.dlms.enums import Mechanism
from simulators import halfhours
from simulators.chance import key, stream
from simulators.errors import SimulatorError
from simulators.hung import Hung
from simulators.ledger import Ledger
from simulators.supply import House, counted
from simulators.trades import PUMP, load_of

ROWS: Final = 40 * halfhours.SLOTS_A_DAY
DLMS_MODEL: Final = "dk-multi"
MODBUS_MODEL: Final = "dk-multi-mb"
UNIT: Final = 1
PUBLIC_CLIENT: Final = 16
CLIENTS: Final = {Mechanism.NONE: PUBLIC_CLIENT, Mechanism.LLS: 17, Mechanism.HLS_GMAC: 1}
_TITLE_DRAWN: Final = 5
MIN_PDU, MAX_PDU = 64, 0xFFFF


class Port(StrEnum):
    """A way to the meter."""

    WRAPPER = "wrapper"
    HDLC = "hdlc"
    MODBUS_TCP = "modbus_tcp"
    MODBUS_RTU_TCP = "modbus_rtu_tcp"
    MODE_C = "mode_c"


@dataclass(frozen=True, slots=True)
class SingleOptions:
    """`as_of` stops the meter's clock there; None is the real time. Port 0 is any that is free."""

    ports: Mapping[Port, int]
    seed: int = 1
    as_of: datetime | None = None
    mechanism: Mechanism = Mechanism.NONE
    password: str = ""
    max_pdu: int = 1024
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        if self.as_of is not None:
            require_aware(self.as_of)
        if not self.ports:
            raise SimulatorError("a meter nobody can reach is of no use: give it a port")
        if not MIN_PDU <= self.max_pdu <= MAX_PDU:
            raise SimulatorError(f"a meter's messages have {MIN_PDU} to {MAX_PDU} bytes, not {self.max_pdu}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the meter is and what opens it, drawn from the seed.

    The system title alone is another at every start, and of every meter of a seed: its counters begin anew
    under the same keys, and no nonce may come twice.
    """

    serial: str
    password: str
    system_title: bytes
    encryption_key: bytes = field(repr=False)
    authentication_key: bytes = field(repr=False)


def identity(options: SingleOptions) -> Identity:
    """The identity of a seed; a password given goes before the drawn one."""
    chance = stream("single", options.seed)
    serial = str(chance.randrange(11_000_000, 30_000_000))
    password = "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=8))
    return Identity(
        serial,
        options.password or password,
        b"DKE" + os.urandom(_TITLE_DRAWN),
        chance.randbytes(16),
        chance.randbytes(16),
    )


def hung(options: SingleOptions, who: Identity, now: datetime) -> Hung:
    """The meter at a village's pump, its buffers filled for 40 days up to `now`."""
    since = halfhours.slot_of(now) - (ROWS - 1)
    seed = options.seed
    supply = House(key("phases", seed), load_of(PUMP, seed, 0, key("weather", seed)), 3, PUMP.shares)
    chance = stream("start", seed)
    start = (
        chance.randrange(9_000_000, 60_000_000),
        chance.randrange(9_000_000),
        chance.randrange(9_000_000),
    )
    return Hung(
        serial=who.serial,
        model=DLMS_MODEL,
        point="",
        supply=supply,
        ledger=Ledger(counted(supply), since, start=start),
        since=since,
        seed=key("terminals", seed),
        password=who.password,
    )
